# A thin front: each rule is one script or one call of meson.  See setup/README.md.
#   make            build/nigh, after bringing what is missing (setup/)
#   make demo       a first conversation, without keys or models
#   make check      everything that can fail; the last line counts
#   make bench      side by side with others; make install [PREFIX=/usr/local] [DESTDIR=]; make clean
PREFIX ?= /usr/local
SHELL := /bin/sh
.SUFFIXES:

all: setup build/build.ninja
	@ninja -C build

# Quick when nothing is missing, and then without network.
setup:
	@setup/setup build

build/build.ninja:
	@setup/configure build --prefix=$(PREFIX)

demo: all
	@python3 test/demo/demo.py

check:
	@setup/setup build check
	@python3 test/check

bench: all
	@setup/setup bench
	@bench/run

install: all
	@meson install -C build

clean:
	@rm -rf build build-*

.PHONY: all setup demo check bench install clean
