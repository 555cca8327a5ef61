# Builds, deploys and smoke-tests TunRTC, or deletes it, on Windows: see deploy.py.
#   .\infra\deploy.ps1 deploy --allowed-origins https://app.example.com --region eu-central-1
#   .\infra\deploy.ps1 destroy --delete-data
$ErrorActionPreference = 'Stop'
$python = Get-Command python -ErrorAction SilentlyContinue
if (-not $python) {
    [Console]::Error.WriteLine('deploy.ps1: install Python 3.10 or newer and put it on PATH')
    exit 2
}
$venv = Join-Path $PSScriptRoot '.venv'
if (-not (Test-Path (Join-Path $venv 'Scripts\python.exe'))) {
    & $python.Source -m venv $venv
    if ($LASTEXITCODE -ne 0) { exit 2 }
}
$python = Join-Path $venv 'Scripts\python.exe'
& $python -m pip install --quiet --disable-pip-version-check -r (Join-Path $PSScriptRoot 'requirements-deploy.txt')
if ($LASTEXITCODE -ne 0) { exit 2 }
& $python (Join-Path $PSScriptRoot 'deploy.py') @args
exit $LASTEXITCODE
