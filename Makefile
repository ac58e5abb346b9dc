# Lifeline. Every target installs what it needs by itself (see .ci/setup) and asks nothing.
# CARGO_TARGET_DIR is honoured.

TARGET := $(if $(CARGO_TARGET_DIR),$(CARGO_TARGET_DIR),target)
CARGO := $(shell command -v cargo || echo $${CARGO_HOME:-$$HOME/.cargo}/bin/cargo)

.PHONY: help setup build demo test test-full real-libvirt real-nova bench lint audit fuzz clean

help:           ## this list
	@sed -n 's/^\([a-z-]*\): .*## /  make \1\t/p; s/^\([a-z-]*\):  *## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 20

setup:          ## install Debian packages, cargo-deny and the NETCONF clients
	@bash .ci/setup clients
	@bash .ci/setup deny

build:          ## build the binary (FEATURES=libvirt: with the driver of libvirt)
	@bash .ci/setup $(if $(filter libvirt,$(FEATURES)),libvirt,build)
	$(CARGO) build --locked $(if $(FEATURES),--features $(FEATURES))

demo: build     ## watch a VM fail, be rebooted, be redeployed
	@$(TARGET)/debug/lifeline demo </dev/null

test:           ## every check
	@bash .ci/test all

test-full:      ## every check, a crash at every point, a real Nova and libvirt, 200 rounds of kill -9 (ROUNDS=n)
	@bash .ci/test full

real-libvirt:   ## the server on a real libvirt with QEMU guests (root; installs Debian packages)
	@bash .ci/test real-libvirt

real-nova:      ## the server on a real Nova (root; installs Debian packages)
	@bash .ci/test real-nova

bench:          ## measurements; ratios within one run
	@bash .ci/setup build
	$(CARGO) bench --locked --bench '*' </dev/null

lint:           ## formatting, clippy, generated parts, cargo deny
	@bash .ci/test lint

audit:          ## cargo deny with advisories (needs the advisory database)
	@bash .ci/setup deny
	$(TARGET)/tools/bin/cargo-deny check </dev/null

fuzz:           ## fuzz every target for FUZZ_SECONDS (30) each
	@bash fuzz/run

clean:          ## remove what was built and installed here
	$(CARGO) clean
	rm -rf .venv
