# Thin: the build is CMake's (CMakePresets.json), the tests are tools/test.sh's.
.PHONY: setup build run test soak bench bench-segments bench-live fmt lint clean

setup:
	sh tools/setup.sh

build:
	cmake --preset rel >/dev/null
	cmake --build build

run: setup build
	build/kern demo

test: setup
	sh tools/test.sh

soak: setup build
	sh tools/soak.sh

bench: setup build
	sh tools/node.sh bench/run.mjs

bench-segments: setup build
	sh tools/node.sh bench/segments.mjs

bench-live: setup build
	sh tools/node.sh bench/live.mjs

fmt:
	clang-format -i $$(git ls-files '*.c' '*.h' '*.cpp')

lint: setup
	cmake --preset clang >/dev/null
	cmake --build build-clang
	sh tools/lint.sh headers
	sh tools/lint.sh cppcheck
	sh tools/lint.sh tidy

clean:
	rm -rf build build-*
