# Builds, deploys and smoke-tests TunRTC, or deletes it, on Windows: see deploy.py.
#   .\infra\deploy.ps1 deploy --allowed-origins https://app.example.com --region eu-central-1
#   .\infra\deploy.ps1 destroy --delete-data
$ErrorActionPreference = 'Stop'
$found = Get-Command python -ErrorAction SilentlyContinue
# Windows has a python of its own that only opens the store: it fails here, and so do old ones.
if ($found) { & $found.Source -c 'import sys; sys.exit(sys.version_info < (3, 10))' }
if (-not $found -or $LASTEXITCODE -ne 0) {
    [Console]::Error.WriteLine('deploy.ps1: install Python 3.10 or newer and put it on PATH')
    exit 2
}
$venv = Join-Path $PSScriptRoot '.venv'
if (-not (Test-Path (Join-Path $venv 'Scripts\python.exe'))) {
    & $found.Source -m venv $venv
    if ($LASTEXITCODE -ne 0) { exit 2 }
}
$python = Join-Path $venv 'Scripts\python.exe'
& $python -m pip install --quiet --disable-pip-version-check -r (Join-Path $PSScriptRoot 'requirements-deploy.txt')
if ($LASTEXITCODE -ne 0) { exit 2 }
& $python (Join-Path $PSScriptRoot 'deploy.py') @args
exit $LASTEXITCODE
