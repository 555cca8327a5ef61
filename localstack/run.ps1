# Builds and starts the whole of TunRTC on http://localhost:5000, on Windows too. Options go to the server:
# localstack/run.ps1 --data tunrtc.db. Needs Rust and Node.js 20.
$ErrorActionPreference = 'Stop'
$PSNativeCommandUseErrorActionPreference = $true
Set-Location (Join-Path $PSScriptRoot '..')
node sdk-js/scripts/packages.mjs
Push-Location sdk-js
npm run --silent build
Pop-Location
cargo run --profile quick --bin tunrtc -- @args
exit $LASTEXITCODE
