# left4me: what people type. "make help" lists it.
SHELL       := /bin/bash
.DEFAULT_GOAL := help
export CGO_ENABLED ?= 0

BIN     := $(CURDIR)/bin
STATE   ?= .left4me
PANEL   ?= 127.0.0.1:27080
LDFLAGS := -s -w -X github.com/left4me/left4me/agent/internal/version.Version=$(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOBUILD := go build -trimpath -ldflags '$(LDFLAGS)'
MODULES := . sdk plugins/game-steamcmd plugins/mounter-kernel plugins/overlay-script plugins/overlay-workshop examples/plugin-hello examples/overlay-http
GOTESTSUM := GOWORK=off go tool -C tools -n gotestsum

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: deps build ## start everything on loopback and print the page to open; Ctrl-C ends it
	@$(BIN)/left4me demo --state $(STATE) --bin $(BIN) --seed examples/script-overlays --panel $(PANEL)

.PHONY: build
build: ## build all programs into bin/
	@mkdir -p $(BIN)
	$(GOBUILD) -o $(BIN)/left4me ./agent
	$(GOBUILD) -o $(BIN)/left4me-web ./web
	$(GOBUILD) -o $(BIN)/demo-game ./examples/demo-game
	cd plugins/game-steamcmd && $(GOBUILD) -o $(BIN)/game-steamcmd . && $(GOBUILD) -o $(BIN)/steamcmd-standin ./cmd/steamcmd-standin
	cd plugins/mounter-kernel && $(GOBUILD) -o $(BIN)/mounter-kernel .
	cd plugins/overlay-script && $(GOBUILD) -o $(BIN)/overlay-script . && $(GOBUILD) -o $(BIN)/mapsites ./cmd/mapsites
	cd plugins/overlay-workshop && $(GOBUILD) -o $(BIN)/overlay-workshop . && $(GOBUILD) -o $(BIN)/steam-standin ./cmd/steam-standin

.PHONY: deps
deps: ## install what the demo needs from the system, if it is missing and we may
	@deploy/deps run

.PHONY: test
test: ## run the tests of every module, with the race detector, then print the table of promises
	@deploy/deps test
	@results=$$(mktemp) && trap 'rm -f "$$results"' EXIT && CGO_ENABLED=1 $$($(GOTESTSUM)) --format pkgname-and-test-fails --hide-summary skipped \
		--jsonfile "$$results" --post-run-command 'go run ./test/promises --results -' -- -race -timeout 25m work

.PHONY: test-host
test-host: ## run the tests that need a booted Debian with systemd, then the table of promises; root only
	@deploy/deps test
	@LEFT4ME_HOST=require $$($(GOTESTSUM)) --format standard-verbose -- -timeout 25m ./test/hostrig
	@LEFT4ME_HOST=require go run ./test/promises

.PHONY: bench
bench: ## run the benchmarks, once each, with side-by-side ratios
	@deploy/deps test
	@echo '== calls and starts of plugins, many times'
	@go test -run '^$$' -bench . -benchtime 300x ./agent/internal/pluginhost
	@echo '== everything, once'
	@go test -run '^$$' -bench . -benchtime 1x work

.PHONY: soak
soak: ## let fifty demo servers run for half an hour, and a thousand viewers look at a flood for a minute
	LEFT4ME_SOAK_SECONDS=$${LEFT4ME_SOAK_SECONDS:-1800} LEFT4ME_FLOOD_SECONDS=$${LEFT4ME_FLOOD_SECONDS:-60} go test -run '^$$' -bench 'FiftyServers|ConsoleViewers' -benchtime 1x -timeout 60m ./test/e2e

.PHONY: lint
lint: ## gofmt, vet on Linux and macOS, golangci-lint with the layer rules
	@test -z "$$(gofmt -l $(MODULES))" || { gofmt -l $(MODULES); echo 'run: gofmt -w'; exit 1; }
	@for m in $(MODULES); do echo "lint $$m"; (cd $$m && go vet ./... && GOOS=darwin go vet ./...) || exit 1; done
	@cd tools/lint && GOWORK=off go build -o $(BIN)/golangci-lint github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@for m in $(MODULES); do (cd $$m && $(BIN)/golangci-lint run --config $(CURDIR)/.golangci.yml ./...) || exit 1; done

.PHONY: generate
generate: ## make generated code and reference docs anew
	cd tools && GOWORK=off go run ./protogen ../sdk/proto ../sdk/proto
	@if protoc --version 2>/dev/null | grep -q ' 3\.21\.'; then examples/overlay-python/generate; else echo 'the classes for Python stay as they are: they need protoc 3.21'; fi
	go generate ./agent/... ./web/...

.PHONY: tidy
tidy: ## check that every module is tidy and builds alone
	@for m in $(MODULES); do echo "tidy $$m"; (cd $$m && GOWORK=off go mod tidy -diff && GOWORK=off go build -o /dev/null ./...) || exit 1; done

.PHONY: check
check: ## everything that must hold before a change lands
	@$(MAKE) --no-print-directory build lint tidy
	@$(MAKE) --no-print-directory generate && git diff --exit-code -- sdk/proto docs/reference web examples/overlay-python || { echo 'generated files are stale: commit what make generate made'; exit 1; }
	@$(MAKE) --no-print-directory test

.PHONY: packages
packages: build ## make the packages for Debian and for rpm in bin/
	@deploy/package/make $(BIN)

.PHONY: clean
clean: ## remove what was built; the state of make run stays
	rm -rf $(BIN)
