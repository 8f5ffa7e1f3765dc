package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"weir/ingest"
	"weir/ingest/eventlog"
	"weir/ingest/ratelimit"
)

// Config is every setting of weir. Each has an environment variable and a flag
// of the same name; the flag wins.
type Config struct {
	Listen    string `env:"WEIR_LISTEN" default:"127.0.0.1:3000" help:"Address of the public API."`
	OpsListen string `env:"WEIR_OPS_LISTEN" default:"127.0.0.1:9464" help:"Address of /metrics, /livez, /readyz and /debug/pprof/."`
	DataDir   string `env:"WEIR_DATA_DIR" placeholder:"DIR" help:"Directory of everything weir keeps (default ./data)."`
	APIKey    string `env:"WEIR_API_KEY" placeholder:"KEY" help:"Key of the first organization, taken when it is created."`
	Sandbox   bool   `env:"WEIR_SANDBOX" help:"Organizations have a test clock."`

	DatabaseURL  string   `env:"WEIR_DATABASE_URL" placeholder:"URL" help:"PostgreSQL to use; empty: a private one is run in the data directory."`
	KafkaBrokers []string `env:"WEIR_KAFKA_BROKERS" placeholder:"HOST:PORT" help:"Kafka to use as the log, host:port,…; empty: the log is kept in the data directory."`
	KafkaTopic   string   `env:"WEIR_KAFKA_TOPIC" default:"weir-events" help:"Topic that holds the events."`
	KafkaGroup   string   `env:"WEIR_KAFKA_GROUP" default:"weir-aggregators" help:"Consumer group that shares the partitions out."`
	Partitions   int32    `env:"WEIR_PARTITIONS" placeholder:"N" help:"Partitions of a new log (default 16); for an existing one it must agree."`

	KafkaDeliveryTimeout time.Duration `env:"WEIR_KAFKA_DELIVERY_TIMEOUT" default:"30s" help:"How long Kafka may take to acknowledge, before the sender is told to try again."`
	KafkaTLS             bool          `name:"kafka-tls" env:"WEIR_KAFKA_TLS" help:"Encrypt connections to Kafka."`
	KafkaTLSCA           string        `name:"kafka-tls-ca" env:"WEIR_KAFKA_TLS_CA" placeholder:"FILE" help:"Certificates (PEM) that the brokers' must be signed by (default: those that the system trusts)."`
	KafkaTLSCertificate  string        `name:"kafka-tls-certificate" env:"WEIR_KAFKA_TLS_CERTIFICATE" placeholder:"FILE" help:"Client certificate (PEM) to show to the brokers."`
	KafkaTLSKey          string        `name:"kafka-tls-key" env:"WEIR_KAFKA_TLS_KEY" placeholder:"FILE" help:"Its key (PEM)."`
	KafkaSASLMechanism   string        `name:"kafka-sasl-mechanism" env:"WEIR_KAFKA_SASL_MECHANISM" placeholder:"NAME" help:"PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512; empty: none."`
	KafkaSASLUser        string        `name:"kafka-sasl-user" env:"WEIR_KAFKA_SASL_USER" placeholder:"NAME" help:"User of SASL."`
	KafkaSASLPassword    string        `name:"kafka-sasl-password" env:"WEIR_KAFKA_SASL_PASSWORD" placeholder:"PASSWORD" help:"Password of SASL."`

	QueryListen string `env:"WEIR_QUERY_LISTEN" default:"127.0.0.1:0" help:"Address where an aggregator answers the other roles."`
	QueryURL    string `env:"WEIR_QUERY_URL" placeholder:"URL" help:"URL under which the other roles reach that address (default: the address itself)."`

	BillingDelay   time.Duration `env:"WEIR_BILLING_DELAY" default:"10m" help:"How long after a period's end its usage is cut; at least a produce timeout and the clock skew."`
	BatchEventsMax int           `env:"WEIR_BATCH_EVENTS_MAX" default:"10000" help:"Events one request may carry."`
	WindowIDs      int           `name:"window-ids" env:"WEIR_WINDOW_IDS" default:"1048576" help:"Recent transaction ids a node remembers, to answer a repeat with 422."`

	OrganizationRequestsPerSecond int `name:"organization-requests-per-second" env:"WEIR_ORGANIZATION_REQUESTS_PER_SECOND" default:"0" help:"Requests one organization may send in a second to one process, events and all others; 0: no limit."`
	OrganizationEventsPerSecond   int `name:"organization-events-per-second" env:"WEIR_ORGANIZATION_EVENTS_PER_SECOND" default:"0" help:"Events one organization may send in a second to one process; 0: no limit."`

	CheckpointInterval time.Duration `env:"WEIR_CHECKPOINT_INTERVAL" default:"1s" help:"Time between checkpoints of a partition that changes; up to five seconds under load, at once when an invoice waits."`

	LogLevel  slog.Level `env:"WEIR_LOG_LEVEL" default:"info" help:"debug, info, warn or error."`
	LogFormat string     `env:"WEIR_LOG_FORMAT" default:"text" enum:"text,json" help:"text or json."`
}

// otherVariables are read elsewhere: by the search for PostgreSQL's binaries, and by tests.
var otherVariables = []string{"WEIR_PG_BIN", "WEIR_URL"}

// Validate reports every fault at once.
func (c *Config) Validate() error {
	var faults []string
	fault := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }

	for _, address := range []struct{ name, value string }{
		{"WEIR_LISTEN", c.Listen}, {"WEIR_OPS_LISTEN", c.OpsListen}, {"WEIR_QUERY_LISTEN", c.QueryListen},
	} {
		if _, _, err := net.SplitHostPort(address.value); err != nil {
			fault("%s: %q is not host:port", address.name, address.value)
		}
	}
	if c.QueryURL != "" {
		if u, err := url.Parse(c.QueryURL); err != nil || u.Host == "" {
			fault("WEIR_QUERY_URL: %q is not a URL", c.QueryURL)
		}
	}
	for _, broker := range c.KafkaBrokers {
		if _, _, err := net.SplitHostPort(broker); err != nil {
			fault("WEIR_KAFKA_BROKERS: %q is not host:port", broker)
		}
	}
	c.validateKafka(fault)
	if c.Partitions < 0 || c.Partitions > eventlog.PartitionsMax {
		fault("WEIR_PARTITIONS: %d is not in 1..%d", c.Partitions, eventlog.PartitionsMax)
	}
	if c.BillingDelay < 0 {
		fault("WEIR_BILLING_DELAY: %v is negative", c.BillingDelay)
	}
	if c.BatchEventsMax < 1 || c.BatchEventsMax > ingest.EventsPerRecordMax {
		fault("WEIR_BATCH_EVENTS_MAX: %d is not in 1..%d", c.BatchEventsMax, ingest.EventsPerRecordMax)
	}
	if c.WindowIDs < 1 || c.WindowIDs > ingest.WindowIDsMax {
		fault("WEIR_WINDOW_IDS: %d is not in 1..%d", c.WindowIDs, ingest.WindowIDsMax)
	}
	for _, limit := range []struct {
		name  string
		value int
	}{
		{"WEIR_ORGANIZATION_REQUESTS_PER_SECOND", c.OrganizationRequestsPerSecond},
		{"WEIR_ORGANIZATION_EVENTS_PER_SECOND", c.OrganizationEventsPerSecond},
	} {
		if limit.value < 0 || limit.value > ratelimit.PerSecondMax {
			fault("%s: %d is not in 0..%d", limit.name, limit.value, ratelimit.PerSecondMax)
		}
	}
	if c.CheckpointInterval < checkpointIntervalMin {
		fault("WEIR_CHECKPOINT_INTERVAL: %v is less than %v", c.CheckpointInterval, checkpointIntervalMin)
	}
	if len(faults) > 0 {
		return fmt.Errorf("bad settings:\n  %s", strings.Join(faults, "\n  "))
	}
	return nil
}

// checkpointIntervalMin bounds a setting: a checkpoint is some synced writes.
const checkpointIntervalMin = 10 * time.Millisecond

// unknownVariables returns the names in the environment that begin with WEIR_
// and mean nothing to weir: a misspelt setting must not pass in silence.
func unknownVariables(environ []string) []string {
	known := slices.Clone(otherVariables)
	for field := range reflect.TypeFor[Config]().Fields() {
		if name := field.Tag.Get("env"); name != "" {
			known = append(known, name)
		}
	}
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "WEIR_") && !strings.HasPrefix(name, "WEIR_TEST_") && !slices.Contains(known, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// logger returns the logger that the settings ask for, writing to standard error.
func (c *Config) logger() *slog.Logger {
	options := &slog.HandlerOptions{Level: c.LogLevel}
	if c.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}
