#!/usr/bin/env pwsh
# Usage: ./build.ps1 <verb>      verbs: build, test, test-isa, faults, oclgrind, spills, bench, publish, pack, packages, aot, test-aot, native, test-native
#
# Every verb is a list of plain public commands, one a line: "verb  command". They run anywhere from the folder of this file, also by
# hand; continuous integration reads them out of this table and runs them, so that they cannot rot – but test-isa, faults and oclgrind, which take an hour each
# and of which a sample is among the tests, and bench, whose numbers mean something on an idle machine alone.
# The third part of dotnet format, analyzers, is what the build reports as errors.
param([Parameter(Mandatory)][string] $Verb)

$Commands = @'
build     dotnet restore FastRnn.sln
build     dotnet format whitespace FastRnn.sln --verify-no-changes --no-restore
build     dotnet format style FastRnn.sln --verify-no-changes --no-restore
build     dotnet build FastRnn.sln -c Release --no-restore
test      dotnet test FastRnn.sln -c Release
test-isa  dotnet msbuild tests/InstructionSets.proj
faults    dotnet run -c Release --project tests/OpenClChecks -- faults
oclgrind  sh tests/OpenClChecks/oclgrind.sh
spills    dotnet run -c Release --project bench/FastRnn.Bench -- spills
bench     dotnet run -c Release --project bench/FastRnn.Bench -- suite
publish   dotnet publish src/FastRnn.Runner -c Release -o artifacts/fastrnn
pack      dotnet pack FastRnn.sln -c Release -o artifacts/packages
packages  dotnet msbuild tests/Packages.proj
aot       dotnet msbuild src/Native.proj -t:Runner
test-aot  dotnet msbuild tests/NativeRunner.proj
native    cmake -S cmake -B artifacts/cmake -DCMAKE_BUILD_TYPE=Release
native    cmake --build artifacts/cmake
native    cmake --install artifacts/cmake --prefix artifacts/install
test-native  ctest --test-dir artifacts/cmake --output-on-failure
'@

$Lines = $Commands -split "`r?`n" | Where-Object { ($_ -split '\s+')[0] -eq $Verb }
if (-not $Lines) {
    [Console]::Error.WriteLine("build.ps1: unknown verb '$Verb'; one of build, test, test-isa, faults, oclgrind, spills, bench, publish, pack, packages, aot, test-aot, native, test-native")
    exit 1
}
Push-Location $PSScriptRoot
try {
    foreach ($Line in $Lines) {
        $Command = ($Line -split '\s+', 2)[1]
        Write-Host "> $Command"
        Invoke-Expression $Command
        if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
    }
}
finally {
    Pop-Location
}
