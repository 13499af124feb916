# Everything that people call. Each target is a script; this file only names them.

PORT ?= 5439
export PG PG_CONFIG DESTDIR TAG PORT ONCE DURATION SESSIONS SEED FAULT SOURCE ROUNDS PGBENCH_SECONDS CALLS READS PACKAGED PG_TAG

# Into the private copy, or not at all: with an empty PG_CONFIG it would be the machine's own server.
install_privately = pg_config=$$(pg_test/private-server copy) && PG_CONFIG=$$pg_config .ci/install

# Lists the targets that have a comment with two signs.
help:
	@sed -nE 's/^## (.*)/\n\1/p; s/^([a-z]+): ## /  \1\t/p' Makefile | expand -t 12 | tail -n +2

## For users

run: ## builds, starts a private server on 127.0.0.1:PORT (5439), plays the example; ONCE=1 ends after it
	@.ci/setup
	@$(install_privately)
	@pg_test/demo

install: ## builds a release and installs it into the server of PG_CONFIG
	@.ci/setup
	@.ci/install

test: ## gets what the tests need, builds, and runs all of them; PG=17 for that version of PostgreSQL
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/run

## For developers

lint: ## formatting, clippy with warnings denied, the layout guards
	@.ci/setup
	@.ci/lint

bench: ## how fast, side by side with the alternatives; writes target/bench; ROUNDS=, PGBENCH_SECONDS=
	@.ci/setup --tests
	@$(install_privately)
	@pg_test/run bench

stress: ## what takes long: storms, proof, fuzzing, all server versions; KIND=, without which it lists the kinds
	@pg_test/stress/run "$(KIND)"

clean: ## stops the private servers and deletes everything that was built
	@.ci/clean

## For releases

package: ## builds and checks the Debian package for PG= or PG_CONFIG=; BARE=1 also tries it on a bare Debian, as root
	@.ci/setup --package
	@.ci/package
	@.ci/package-check
	@[ "$(BARE)" != 1 ] || .ci/package-bare

archive: ## the archive for PGXN of the last commit, in target/package
	@.ci/archive

image: ## builds the Docker image for PG= and tests it with the engine; PACKAGED=1 out of target/package
	@.ci/image

publish: ## checks that a release of TAG= agrees with itself, and puts target/package into one on GitHub
	@.ci/publish

# What `pgxn install` calls before `make install`: builds without installing.
all:
	@.ci/setup
	@DESTDIR=$(CURDIR)/target/all .ci/install

.PHONY: help run install test lint bench stress clean package archive image publish all
