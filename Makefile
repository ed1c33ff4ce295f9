# Everything one does with this repository. `make` alone lists it.

SHELL       := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# DuckDB, which keeps the events, is C++ and needs a C compiler; names and users are still looked up in Go. The tests use the same settings, so that all share one build cache.
# What is built is the same wherever the source lies (-trimpath), so that a second clone compiles nothing anew.
# CGO_ENABLED=0 builds a program without DuckDB: enough for agents and edges, and for servers with --analytics postgres://….
export CGO_ENABLED ?= 1
export GOFLAGS     ?= -tags=netgo,osusergo -trimpath

VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X github.com/slipwayhq/slipway/internal/cli.version=$(VERSION)
# One static binary, for every Linux: of the C library nothing is taken that static programs lack (docs/adr/0111), so its warnings are left out.
ifeq ($(CGO_ENABLED)-$(shell go env GOOS),1-linux)
LDFLAGS  += -linkmode external -extldflags "-static -Wl,--no-warnings"
endif
TIMEOUT  ?= 18m
FUZZTIME ?= 10s
KILLS    ?= 200
PATHS    ?= 100000
SIMFLAGS ?=

# With the folders, as one changes when a file in it is removed.
UI_SOURCES := $(shell find ui/src ui/public 2>/dev/null) $(wildcard ui/index.html ui/*.ts ui/*.js ui/*.json) ui/dev/clean.mjs
GO_FILES    = $(shell find . -name '*.go' -not -path '*/node_modules/*' -not -path '*/testdata/*' -not -path './bin/*')
TOOLS      := bin/tools/golangci-lint bin/tools/govulncheck

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##
## Build and run
##

.PHONY: build
build: ui/dist/index.html ## Build the web page and bin/slipway
	scripts/needs.sh build
	go build -ldflags '$(LDFLAGS)' -o bin/slipway ./cmd/slipway

.PHONY: run
run: build ## Build everything and start the demo: http://127.0.0.1:7070
	bin/slipway demo

.PHONY: dev
dev: build ## Serve the page from its sources (Vite) before a real server
	scripts/dev.sh

.PHONY: ui
ui: ui/dist/index.html ## Build the web page alone

ui/node_modules/.package-lock.json: ui/package-lock.json ui/package.json
	scripts/needs.sh ui
	npm --prefix ui ci --no-audit --no-fund
	@touch $@

# Clients of other makers, for the tests alone: what they would run as they are installed is not wanted.
e2e/clients/node_modules/.package-lock.json: e2e/clients/package-lock.json e2e/clients/package.json
	scripts/needs.sh ui
	npm --prefix e2e/clients ci --no-audit --no-fund --ignore-scripts
	@touch $@

ui/dist/index.html: $(UI_SOURCES) ui/node_modules/.package-lock.json
	rm -rf ui/dist/assets
	npm --prefix ui run build
	@touch $@

##
## Tests. `make test` is all that a commit must pass; the long ones stand apart.
##

# With SLIPWAY_REQUIRE a test whose program is missing fails instead of being skipped.
export SLIPWAY_REQUIRE ?= 1

.PHONY: needs
needs: ## Install what the tests need (Debian packages, npm packages) where it is missing
	scripts/needs.sh test
	@$(MAKE) --no-print-directory ui/node_modules/.package-lock.json e2e/clients/node_modules/.package-lock.json

# What waits longest, mostly for disks and for processes, begins first, so that the others run beside it; and two packages more at once than there are processors, since most wait.
LONGEST  := ./internal/decide/rollout ./e2e
PACKAGES ?= $(shell echo $$(($$(nproc) + 2)))

# The browser's tests need processors and Go's mostly wait, so both run at once; the page, which Go's tests have in them, is built before.
.PHONY: test
test: needs fmt-check ## Run every test there is
	@$(MAKE) --no-print-directory ui/dist/index.html
	@$(MAKE) --no-print-directory -j2 ui-test go-test

.PHONY: go-test
go-test: vet e2e/clients/node_modules/.package-lock.json ## Run Go's tests, as "make test" does
	go test -count=1 -vet=off -p $(PACKAGES) -timeout $(TIMEOUT) -ldflags '-s -w' $(LONGEST) ./...

.PHONY: ui-test
ui-test: ui/dist/index.html ## Check the page: types, size, units, and each page in a browser
	npm --prefix ui run check
	npm --prefix ui test
	npm --prefix ui run test:pages

.PHONY: vet
vet: ui/dist/index.html ## Run go vet
	go vet ./...

.PHONY: check
check: lint test vuln ## Everything before a release: format, lint, tests, known vulnerabilities

.PHONY: race
race: ui/dist/index.html e2e/clients/node_modules/.package-lock.json ## Run the Go tests under the race detector
	scripts/needs.sh race
	go test -race -timeout 60m ./...

.PHONY: e2e
e2e: needs ui/dist/index.html ## Run the stories alone: real repository, pushes, browser
	go test -count=1 -timeout 30m ./e2e/...

.PHONY: crash
crash: ui/dist/index.html ## Kill the server at random points of a rollout, while events come in, and while limits are taken (50 times), KILLS=200 times each
	SLIPWAY_KILLS=$(KILLS) go test -count=1 -v -run Crash -timeout 120m ./e2e/...

.PHONY: sim
sim: ## Prove the promises of the judge by simulation, SIMFLAGS=-quick CANARYFLAGS='-runs 50' for a short one
	go run ./sim $(SIMFLAGS)
	go run ./sim canary $(CANARYFLAGS)

.PHONY: sim-canary
sim-canary: ## Play rollouts to our judge and to its peers (docs/canary-benchmark.md)
	go run ./sim canary $(CANARYFLAGS)

.PHONY: paths
paths: ## Prove each sequential test over PATHS=100000 paths without a change
	SLIPWAY_PATHS=$(PATHS) go test -count=1 -v -timeout 180m -run 'Seldom|AllTimes|FewNormal|SameHosts' ./internal/pure/stats/...

.PHONY: fuzz
fuzz: ## Fuzz each target for FUZZTIME=10s
	FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

.PHONY: bench
bench: build ## Measure against peers, and print the tables
	scripts/needs.sh bench
	scripts/bench.sh

##
## Source
##

.PHONY: fmt
fmt: ## Format the Go source
	@gofmt -s -w $(GO_FILES)

.PHONY: fmt-check
fmt-check:
	@out=$$(gofmt -s -l $(GO_FILES)); [ -z "$$out" ] || { printf 'not formatted (run make fmt):\n%s\n' "$$out"; exit 1; }

.PHONY: lint
lint: bin/tools/golangci-lint ui/dist/index.html ## Run golangci-lint: bugs, layers, style
	bin/tools/golangci-lint run ./...

.PHONY: vuln
vuln: bin/tools/govulncheck ui/dist/index.html ## Look for known vulnerabilities in what is linked
	bin/tools/govulncheck ./...

# The linters have a module of their own, so that their hundreds of dependencies are not the product's (docs/adr/0090).
$(TOOLS) &: tools/go.mod tools/go.sum
	go build -C tools -trimpath -o ../bin/tools/ tool
	@touch $(TOOLS)

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin ui/dist/assets ui/dist/index.html ui/node_modules e2e/clients/node_modules
