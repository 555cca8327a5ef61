#!/bin/sh
# Compiles the C# SDK, its tests and its example, warnings being errors, makes the package, and runs the tests on .NET 8
# and 9; where no compiler is brought along, with the .NET SDK that is installed.
#
#   test.sh [PART-OF-A-TEST'S-NAME...]
#
# TUNRTC_BIN names the server to test against (target/debug/tunrtc).
set -eu

here=$(cd "$(dirname "$0")/.." && pwd)
tools="$here/.dotnet"
tests="$here/test/bin/TunRTC.Client.Tests.dll"
# Neither looks for a runtime elsewhere, nor reports to anybody.
export DOTNET_MULTILEVEL_LOOKUP=0 DOTNET_CLI_TELEMETRY_OPTOUT=1

python3 "$here/tools/setup.py"
if [ -d "$tools" ]; then
  "$tools/venv/bin/python" "$here/tools/compile.py" "$here/test/TunRTC.Client.Tests.csproj" "$here/Examples/ConsoleApp/ConsoleApp.csproj"
else
  for project in src test Examples/ConsoleApp; do
    dotnet build --nologo --output "$here/$project/bin" "$here/$project"
  done
fi
python3 "$here/tools/pack.py" >/dev/null
if [ -d "$tools" ]; then
  for runtime in net8 net9; do
    DOTNET_ROOT="$tools/$runtime" "$tools/$runtime/dotnet" "$tests" "$@"
  done
else
  dotnet "$tests" "$@"
fi
