# weir: metering and billing. `make` lists the targets.

SHELL       := /bin/bash
VERSION     ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GO          ?= go
GOFUMPT     := mvdan.cc/gofumpt@v0.12.0
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
ERRORLINT   := github.com/polyfloyd/go-errorlint@v1.8.0
LAGO_CLIENT := cmd/weir/testdata/lago-client

.DEFAULT_GOAL := help

.PHONY: help
help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build bin/weir
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags "-X main.version=$(VERSION)" -o bin/weir ./cmd/weir

.PHONY: run
run: build postgresql ## run everything: log, PostgreSQL, aggregator, biller and API in one process
	@exec bin/weir all

.PHONY: demo
demo: build postgresql ## replay an hour of real LLM requests, bill the month, check every cent
	@$(GO) build -o bin/demo ./bench/demo && exec bin/demo -weir bin/weir $(DEMO_FLAGS)

.PHONY: bench
bench: build postgresql bench-tools ## measure what weir promises of its speed, in some three minutes, beside floors and targets
	@exec bin/suite table -commit "$(VERSION)" $(BENCH_FLAGS)

.PHONY: bench-full
bench-full: build postgresql bench-tools ## soak for an hour (BENCH_FLAGS="-duration 10m" for less), then overload and a noisy neighbour
	@exec bin/suite full -commit "$(VERSION)" $(BENCH_FLAGS)

.PHONY: bench-kafka
bench-kafka: build postgresql bench-tools ## measure with a real Apache Kafka as the log, beside Kafka's own producer
	@exec deploy/kafka/kafka.sh test bin/suite kafka -commit "$(VERSION)" $(BENCH_FLAGS)

.PHONY: bench-curves
bench-curves: ## measure what things cost as they grow, and draw it to bench/results
	@$(GO) build -o bin/curves ./bench/curves && exec bin/curves -commit "$(VERSION)" $(BENCH_FLAGS)

.PHONY: load
load: build postgresql bench-tools ## send one load; LOAD_FLAGS="-mode batch -batch 100 -rate 200000"
	@exec bin/load -weir bin/weir $(LOAD_FLAGS)

.PHONY: bench-tools
bench-tools:
	@$(GO) build -o bin/load ./bench/load && $(GO) build -o bin/suite ./bench/suite && $(GO) build -o bin/minimal ./bench/minimal

.PHONY: test
test: postgresql lago-client ## run every test; needs nothing started beforehand
	$(GO) test -timeout 15m ./...

.PHONY: race
race: postgresql ## run the tests of the concurrent packages under the race detector
	$(GO) test -race -short -timeout 20m ./ingest/... ./aggregator/... ./billing/biller/...

# A count and not a time: with a time, Go 1.26 now and then calls the end of it a failure (golang/go#75804).
.PHONY: fuzz
fuzz: ## fuzz every parser and stored format, FUZZTIME executions each (default 500000x)
	@for package in ./ingest ./ingest/intake ./aggregator; do \
		for target in $$($(GO) test -list '^Fuzz' $$package | grep '^Fuzz'); do \
			$(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $${FUZZTIME:-500000x} -fuzzminimizetime 5x $$package || exit 1; done; done

.PHONY: mutants
mutants: ## break metering on purpose, one way at a time, and see that the tests notice each; EVERY=5 for one in five
	$(GO) test -v -count=1 -timeout 30m ./bench/mutants -args -mutants -mutants.every=$${EVERY:-1}

.PHONY: crash
crash: build postgresql ## kill -9 weir under load, ROUNDS times (default 100)
	$(GO) test -run '^TestCrash' -timeout 60m ./cmd/weir -args -crash.rounds=$${ROUNDS:-100}

.PHONY: kafka
kafka: ## run an Apache Kafka broker on loopback (Java 17 and Maven) until Ctrl-C
	@exec deploy/kafka/kafka.sh run

.PHONY: test-kafka
test-kafka: build postgresql ## run the log's and the roles' tests against a real Apache Kafka
	deploy/kafka/kafka.sh test $(GO) test -count=1 -timeout 15m ./ingest/eventlog ./cmd/weir -run 'Kafka|Conformance|Roles'

.PHONY: lint
lint: ## gofumpt, vet, staticcheck, errorlint
	@unformatted=$$($(GO) run $(GOFUMPT) -l .); test -z "$$unformatted" || { echo "not gofumpt'ed:"; echo "$$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(ERRORLINT) -errorf -asserts -comparison ./...

.PHONY: postgresql
postgresql:
	@deploy/postgresql.sh

# The official client is a test's tool: without Node its test skips aloud, and CI accepts no skip.
.PHONY: lago-client
lago-client:
	@if command -v npm >/dev/null; then cd $(LAGO_CLIENT) && { test -d node_modules || npm ci --no-audit --no-fund --silent; }; \
	else echo "SKIPPED: Node.js is missing, so Lago's official client is not driven against weir"; fi

.PHONY: clean
clean: ## remove what was built; data stays
	rm -rf bin
