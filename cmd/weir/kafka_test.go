package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"weir/billing/postgres"
	"weir/ingest"
	"weir/ingest/eventlog"
)

// What the producer's tests send.
const (
	producerSubscriptions = 24
	producerEvents        = 300 // of one sort
	producerBareEvents    = 60  // of one sort without a timestamp
	producerGiantBytes    = 900_000
)

// Partitioners of librdkafka: Kafka's own, and its default, which hashes
// differently, so that most records land where they don't belong.
const (
	partitionerKafka   = "murmur2_random"
	partitionerDefault = "consistent_random"
)

// producer writes Lago-shaped events straight to the topic, with kcat.
type producer struct {
	*installation
	organization uuid.UUID
	weir         *weir
	client       *client
	start        time.Time // the billing period's first day
	rand         *rand.Rand

	counts, sums [producerSubscriptions]int64 // what must count; thousandths
}

// kafkaEvent is one event.
type kafkaEvent struct {
	id           string
	subscription int
	thousandths  int64
	timestamp    string // "" = none
}

func producerSubscription(i int) string { return fmt.Sprintf("kafka-%02d", i) }

// newProducer starts weir all on Kafka with a plan, a customer and its subscriptions.
func newProducer(t *testing.T) *producer {
	t.Helper()
	brokers := kafkaBrokers(t)
	if _, err := exec.LookPath("kcat"); err != nil {
		if os.Getenv("WEIR_TEST_NO_SKIP") != "" {
			t.Fatal("kcat is missing (Debian: apt-get install kcat)")
		}
		t.Skip("SKIPPED: kcat is missing (Debian: apt-get install kcat)")
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	p := &producer{installation: newInstallation(t, brokers), rand: rand.New(rand.NewPCG(seed, 1))}
	p.weir = p.installation.start("all", "WEIR_DATA_DIR="+testDir(t))
	p.weir.waitReady()
	p.client = newClient(p.weir.url, rolesKey)

	db, err := postgres.Open(t.Context(), p.database, postgres.Options{MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	organization, err := db.OrganizationForKey(t.Context(), rolesKey)
	if err != nil {
		t.Fatal(err)
	}
	p.organization = organization.ID
	p.createPlan()
	return p
}

// createPlan makes a plan whose current period begins ten days ago and ends in
// twenty: what Kafka stamps during the test lies inside.
func (p *producer) createPlan() {
	t := p.t
	t.Helper()
	now := time.Now().UTC().Truncate(time.Second)
	p.start = now.AddDate(0, 0, -10)
	p.client.must(t, "POST", "/test_clock", object{"test_clock": object{"now": now.Add(time.Hour)}})
	metric := p.client.must(t, "POST", "/billable_metrics", object{"billable_metric": object{
		"name": "Work", "code": "work", "aggregation_type": "sum_agg", "field_name": "amount",
	}})
	p.client.must(t, "POST", "/plans", object{"plan": object{
		"name": "Kafka", "code": "kafka", "interval": "monthly", "amount_cents": 0, "amount_currency": "USD", "pay_in_advance": false,
		"charges": []any{object{
			"billable_metric_id": dig(t, metric, "billable_metric", "lago_id"),
			"charge_model":       "standard", "properties": object{"amount": "0.01"},
		}},
	}})
	p.client.must(t, "POST", "/customers", object{"customer": object{"external_id": "kafka", "name": "Kafka"}})
	for i := range producerSubscriptions {
		p.client.must(t, "POST", "/subscriptions", object{"subscription": object{
			"external_customer_id": "kafka", "plan_code": "kafka", "external_id": producerSubscription(i),
			"subscription_at": p.start, "billing_time": "anniversary",
		}})
	}
}

// events makes n events of all subscriptions, which must count, with a timestamp or without.
func (p *producer) events(n int, stamped bool) []kafkaEvent {
	events := make([]kafkaEvent, n)
	for i := range events {
		e := &events[i]
		*e = kafkaEvent{id: uuid.NewString(), subscription: i % producerSubscriptions, thousandths: p.rand.Int64N(10_000_000)}
		if stamped {
			at := p.start.Add(24*time.Hour + time.Duration(p.rand.Int64N(int64(24*time.Hour))))
			e.timestamp = fmt.Sprintf("%d.%03d", at.Unix(), p.rand.IntN(1000))
		}
		p.counts[e.subscription]++
		p.sums[e.subscription] += e.thousandths
	}
	return events
}

// line returns the event in Lago's form.
func (p *producer) line(e kafkaEvent, organization any) []byte {
	event := object{
		"transaction_id": e.id, "external_subscription_id": producerSubscription(e.subscription), "code": "work",
		"properties": object{"amount": fmt.Sprintf("%d.%03d", e.thousandths/1000, e.thousandths%1000)},
	}
	if e.timestamp != "" {
		event["timestamp"] = e.timestamp
	}
	if organization != nil {
		event["organization_id"] = organization
	}
	return jsonLines(p.t, event)
}

func (p *producer) key(e kafkaEvent) string {
	return p.organization.String() + "/" + producerSubscription(e.subscription)
}

// produce writes events to the topic with one of librdkafka's partitioners.
func (p *producer) produce(partitioner string, events ...kafkaEvent) {
	p.t.Helper()
	p.kcat(p.keyed(events), "-P", "-K", `\t`, "-X", "partitioner="+partitioner)
}

// transact is produce in one transaction.
func (p *producer) transact(partitioner string, events ...kafkaEvent) {
	p.t.Helper()
	p.kcat(p.keyed(events), "-P", "-K", `\t`, "-X", "partitioner="+partitioner, "-X", "transactional.id="+uuid.NewString())
}

// keyed returns the events with their keys, one a line.
func (p *producer) keyed(events []kafkaEvent) (lines []byte) {
	for _, e := range events {
		lines = append(lines, p.key(e)+"\t"...)
		lines = append(lines, p.line(e, p.organization)...)
	}
	return lines
}

// kcat runs kcat on the topic.
func (p *producer) kcat(input []byte, args ...string) []byte {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "kcat", append([]string{"-q", "-b", p.brokers, "-t", p.topic}, args...)...)
	cmd.Stdin = bytes.NewReader(input)
	var faults bytes.Buffer
	cmd.Stderr = &faults
	out, err := cmd.Output()
	if err != nil || faults.Len() > 0 {
		p.t.Fatalf("kcat %v: %v\n%s", args, err, &faults)
	}
	return out
}

// misplaced is how many of the events librdkafka's default partitioner puts into a
// partition that is not theirs.
func (p *producer) misplaced(events []kafkaEvent) (n int) {
	for _, e := range events {
		theirs := int32(crc32.ChecksumIEEE([]byte(p.key(e))) % eventlog.PartitionsDefault)
		if theirs != ingest.Partition(p.organization, producerSubscription(e.subscription), eventlog.PartitionsDefault) {
			n++
		}
	}
	return n
}

// checkUsage waits until each subscription's usage is that of every event, once.
func (p *producer) checkUsage() {
	p.t.Helper()
	for i := range producerSubscriptions {
		want := fmt.Sprintf("%d events, sum %s", p.counts[i], plain(fmt.Sprintf("%d.%03d", p.sums[i]/1000, p.sums[i]%1000)))
		path := "/customers/kafka/current_usage?external_subscription_id=" + producerSubscription(i)
		eventually(p.t, 30*time.Second, func() error {
			charge := dig(p.t, p.client.must(p.t, "GET", path, nil), "customer_usage", "charges_usage", 0)
			if got := fmt.Sprintf("%s events, sum %s", text(p.t, charge, "events_count"), plain(text(p.t, charge, "units"))); got != want {
				return fmt.Errorf("%s: %s; sent were %s", producerSubscription(i), got, want)
			}
			return nil
		})
	}
}

// checkMetric waits until a metric, summed over its labels, has a value, and
// then looks whether it goes past it.
func (p *producer) checkMetric(name string, want int) {
	p.t.Helper()
	eventually(p.t, 30*time.Second, func() error {
		switch got := int(p.weir.metrics()[name]); {
		case got > want:
			p.t.Fatalf("%s is %d, not %d", name, got, want)
		case got < want:
			return fmt.Errorf("%s is %d, not %d", name, got, want)
		}
		return nil
	})
}

// TestKafkaProducer: who writes straight to the topic is counted as who comes
// over HTTP, wherever the records land and however often they are sent.
func TestKafkaProducer(t *testing.T) {
	t.Parallel()
	p := newProducer(t)

	right := slices.Concat(p.events(producerEvents, true), p.events(producerBareEvents, false))
	p.produce(partitionerKafka, right...)
	p.checkUsage()
	p.checkMetric("weir_aggregator_forwarded_total", 0)

	wrong := slices.Concat(p.events(producerEvents, true), p.events(producerBareEvents, false))
	p.produce(partitionerDefault, wrong...)
	p.checkUsage()
	forwarded := p.misplaced(wrong)
	if forwarded == 0 {
		t.Fatal("every record landed where it belongs: nothing was shown")
	}
	p.checkMetric("weir_aggregator_forwarded_total", forwarded)
	p.checkRecordTimes(slices.Concat(right[producerEvents:], wrong[producerEvents:]))

	all := slices.Concat(right, wrong)
	p.produce(partitionerKafka, all...)
	p.produce(partitionerDefault, all...)
	p.post(all)
	p.checkMetric("weir_aggregator_duplicates_total", 3*len(all))
	p.checkMetric("weir_aggregator_events_total", len(all))
	p.checkMetric("weir_aggregator_forwarded_total", forwarded+p.misplaced(all))
	p.checkMetric("weir_aggregator_set_aside_total", 0)
	p.checkUsage()
}

// post sends the events over HTTP, to a node that has not heard of them.
func (p *producer) post(events []kafkaEvent) {
	p.t.Helper()
	var lines []byte
	for _, e := range events {
		lines = append(lines, p.line(e, nil)...)
	}
	answer, err := p.client.events(p.t.Context(), lines)
	if err != nil {
		p.t.Fatal(err)
	}
	if refused := text(p.t, answer, "refused_count"); refused != "0" {
		p.t.Fatalf("%s events refused: %v", refused, answer)
	}
}

// checkRecordTimes: an event without a timestamp has that of the record which
// brought it, also when that had to be forwarded.
func (p *producer) checkRecordTimes(events []kafkaEvent) {
	p.t.Helper()
	times := map[string]int64{}
	record := regexp.MustCompile(`(?m)^(\d+) (\{.*\})$`) // forwarded ones are not JSON
	for _, match := range record.FindAllSubmatch(p.kcat(nil, "-C", "-e", "-o", "beginning", "-f", `%T %s\n`), -1) {
		var event struct {
			ID string `json:"transaction_id"`
		}
		if err := json.Unmarshal(match[2], &event); err != nil {
			p.t.Fatal(err)
		}
		at, err := strconv.ParseInt(string(match[1]), 10, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		times[event.ID] = at
	}
	for _, e := range events {
		got := dig(p.t, p.client.must(p.t, "GET", "/events/"+url.PathEscape(e.id), nil), "event", "weir")
		want := time.UnixMilli(times[e.id]).UTC().Format(time.RFC3339Nano)
		if filled := text(p.t, got, "timestamp_filled"); text(p.t, got, "timestamp") != want || filled != "true" {
			p.t.Errorf("event %s has the time %s, filled in: %s; its record's is %s", e.id, text(p.t, got, "timestamp"), filled, want)
		}
	}
}

// TestKafkaInvalid: what is no acceptable event is set aside and counted, in every
// partition, and stops nothing: neither reading, nor usage, nor a restart.
func TestKafkaInvalid(t *testing.T) {
	t.Parallel()
	p := newProducer(t)
	first := p.events(producerSubscriptions, true)
	p.produce(partitionerKafka, first...)
	want := p.produceInvalid(first[0])

	// One id with other content, and one sent under no organization of ours.
	conflict := first[1]
	conflict.thousandths++
	p.produce(partitionerDefault, conflict)
	want["conflict"] = 1
	stranger := p.line(kafkaEvent{id: "stranger", thousandths: 1}, uuid.NewString())
	p.kcat(stranger, "-P", "-p", "3")

	after := p.events(producerEvents, true)
	p.produce(partitionerKafka, after[:producerEvents/2]...)
	p.produce(partitionerDefault, after[producerEvents/2:]...)
	p.checkUsage()
	p.checkMetric("weir_aggregator_events_total", len(first)+len(after)+1)
	eventually(t, 30*time.Second, func() error {
		if got := p.weir.series("weir_aggregator_set_aside_total"); !maps.Equal(got, want) {
			return fmt.Errorf("set aside: %v, want %v", got, want)
		}
		return nil
	})
	if stopped := p.weir.metrics()["weir_aggregator_stopped"]; stopped != 0 {
		t.Errorf("%v partitions are stopped", stopped)
	}
	p.weir.waitReady()

	p.weir.stop()
	p.restart()
	p.checkUsage()
}

// restart starts weir again on what it left.
func (p *producer) restart() {
	p.t.Helper()
	i := slices.IndexFunc(p.weir.cmd.Env, func(entry string) bool { return strings.HasPrefix(entry, "WEIR_DATA_DIR=") })
	p.weir = p.installation.start("all", p.weir.cmd.Env[i])
	p.weir.waitReady()
	p.client = newClient(p.weir.url, rolesKey)
}

// produceInvalid writes every sort of bad record to every partition, and returns
// how many must be set aside for which reason. good is an event that counts.
func (p *producer) produceInvalid(good kafkaEvent) map[string]float64 {
	p.t.Helper()
	without := func(name string) []byte {
		var event object
		if err := json.Unmarshal(p.line(good, p.organization), &event); err != nil {
			p.t.Fatal(err)
		}
		event["transaction_id"] = uuid.NewString()
		delete(event, name)
		return jsonLines(p.t, event)
	}
	giant := good
	giant.id = strings.Repeat("x", producerGiantBytes)
	malformed := [][]byte{
		[]byte("hello\n"), []byte("[1]\n"), []byte("\x01framed, but not by us\n"), []byte("\x7f\n"),
		[]byte(`{"transaction_id":` + "\n"), append(bytes.TrimSpace(without("")), "trailing\n"...),
	}
	invalid := [][]byte{
		without("transaction_id"), without("external_subscription_id"), without("code"), without("organization_id"),
		p.line(good, "not-a-uuid"), p.line(good, 7),
	}
	records := bytes.Join(slices.Concat(malformed, invalid), nil)
	for partition := range eventlog.PartitionsDefault {
		p.kcat(records, "-P", "-p", strconv.Itoa(partition))
	}
	p.kcat(p.line(giant, p.organization), "-P", "-p", "5")
	p.kcat([]byte("nobody\t\n"), "-P", "-K", `\t`, "-Z", "-p", "6") // a record without a value
	return map[string]float64{
		"malformed": float64(len(malformed)*eventlog.PartitionsDefault + 1),
		"invalid":   float64(len(invalid)*eventlog.PartitionsDefault + 1),
	}
}

// TestKafkaTransaction: a producer may write in transactions. The markers that
// these leave at the log's end are no events, and hold up nothing: neither usage,
// nor an invoice, which is made only when everything in the log was counted, nor
// a restart that finds its place behind a marker.
func TestKafkaTransaction(t *testing.T) {
	t.Parallel()
	p := newProducer(t)
	p.produce(partitionerKafka, p.events(producerEvents, true)...)
	p.transact(partitionerKafka, p.events(producerSubscriptions, true)...)
	p.checkUsage()

	p.weir.stop()
	p.restart()
	p.checkUsage()
	p.transact(partitionerDefault, p.events(producerSubscriptions, true)...)
	p.checkUsage()
	p.checkInvoice()
	if m := p.weir.metrics(); m["weir_aggregator_stopped"] != 0 || m["weir_aggregator_set_aside_total"] != 0 {
		t.Errorf("%v partitions are stopped, %v records set aside", m["weir_aggregator_stopped"], m["weir_aggregator_set_aside_total"])
	}
}

// checkInvoice lets the period end and looks for all events on the one invoice.
func (p *producer) checkInvoice() {
	p.t.Helper()
	p.client.must(p.t, "POST", "/test_clock", object{"test_clock": object{"now": p.start.AddDate(0, 1, 1)}})
	list := p.client.must(p.t, "GET", "/invoices?external_customer_id=kafka", nil)
	if n := text(p.t, list, "meta", "total_count"); n != "1" {
		p.t.Fatalf("%s invoices, not 1", n)
	}
	invoice := p.client.must(p.t, "GET", "/invoices/"+text(p.t, list, "invoices", 0, "lago_id"), nil)
	var got, want int64
	for _, fee := range dig(p.t, invoice, "invoice", "fees").([]any) {
		if text(p.t, fee, "item", "type") != "charge" {
			continue
		}
		n, err := strconv.ParseInt(text(p.t, fee, "events_count"), 10, 64)
		if err != nil {
			p.t.Fatal(err)
		}
		got += n
	}
	for _, n := range p.counts {
		want += n
	}
	if got != want {
		p.t.Errorf("the invoice is for %d events, not %d", got, want)
	}
}
