# Everything that people call. Each target is a script; this file only names them.

PORT ?= 5439
export PG PG_CONFIG DESTDIR TAG PORT ONCE DURATION SESSIONS SEED FAULT ROUNDS PGBENCH_SECONDS CALLS READS

# Into the private copy, or not at all: with an empty PG_CONFIG it would be the machine's own server.
install_privately = pg_config=$$(pg_test/server copy) && PG_CONFIG=$$pg_config .ci/install

help: ## shows this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 16

run: ## builds, starts a private server on 127.0.0.1:PORT (5439), plays the example; ONCE=1 ends after it
	@.ci/setup
	@$(install_privately)
	@pg_test/demo

test: ## gets what the tests need, builds, and runs all of them; PG=17 for that version of PostgreSQL
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/run

test-all: ## the same with PostgreSQL 14 to 18, those that the machine lacks are got; and pg_upgrade between them
	@pg_test/stress/versions

storm: ## sessions, readers, callers and every kind of fault at once; DURATION=300, SESSIONS=, SEED=, FAULT=none,kill,...
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/run storm

proof: ## is the lock table read as PostgreSQL reads it? Beside a storm, DURATION=60, and broken on purpose
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/run proof

bench: ## how fast, side by side with the alternatives; writes target/bench; ROUNDS=, PGBENCH_SECONDS=
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/run bench

fuzz: ## random files, statements and startup packets; DURATION= of each, SEED=; needs a nightly Rust
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/stress/fuzz/run
	@pg_test/run sql_fuzz

installcheck: ## PostgreSQL's own tests, with the library and the extension
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/stress/installcheck/run

memory: ## a million calls, after which a session is as small as before; CALLS=, READS=
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/run memory

valgrind: ## the main paths on a server that valgrind watches; DURATION=, SEED=
	@.ci/setup --tests
	@$(install_privately)
	@pg_config=$$(pg_test/stress/source valgrind) && PG_CONFIG=$$pg_config .ci/install
	@pg_test/run valgrind

lint: ## formatting, clippy with warnings denied, the layout guards
	@.ci/setup
	@.ci/lint

install: ## builds a release and installs it into the server of PG_CONFIG
	@.ci/setup
	@.ci/install

clean: ## stops the private servers and deletes everything that was built
	@.ci/clean

all: ## builds without installing, as `pgxn install` wants it
	@.ci/setup
	@DESTDIR=$(CURDIR)/target/all .ci/install

dependencies: ## installs what the build needs of the distribution; the one step that needs root, or sudo
	@.ci/setup --packages

package: ## the Debian package for PostgreSQL PG= or the server of PG_CONFIG=, in target/package
	@.ci/setup --package
	@.ci/package

package-check: ## lintian, the contents, and the tests with the library of `make package`
	@.ci/setup --package
	@.ci/package-check

package-bare: ## installs the package on a bare Debian in a chroot, uses it, removes it; needs root and debootstrap
	@.ci/package-bare

archive: ## the archive for PGXN of the last commit, in target/package
	@.ci/archive

image: ## builds the Docker image of docker/ for PG=, waits until its server is healthy, asks it, and stops it
	@.ci/image

server: ## installs PostgreSQL PG= from the distribution, or else from PostgreSQL's own apt repository
	@.ci/server

publish: ## puts target/package and its checksums into a GitHub release of TAG=
	@.ci/publish

release-check: ## would a tag of this commit be consistent? TAG=, if there is one already
	@.ci/release-check

.PHONY: help run test test-all storm proof bench fuzz installcheck memory valgrind lint install clean all dependencies package package-check package-bare archive image server publish release-check
