package trace

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"weir/bench/oracle"
)

// TestLoad compares the file's totals with those of an awk over its columns:
//
//	awk -F, 'NR>1{c+=$2;g+=$3}END{print NR-1,c,g}' azure_llm_2023_conv.csv
func TestLoad(t *testing.T) {
	t.Parallel()
	requests, err := Load("../testdata/azure_llm_2023_conv.csv")
	if err != nil {
		t.Fatal(err)
	}
	var contextTokens, generatedTokens int64
	for _, r := range requests {
		contextTokens += r.ContextTokens
		generatedTokens += r.GeneratedTokens
	}
	if contextTokens != 22361870 || generatedTokens != 4088665 {
		t.Errorf("tokens are %d in and %d out", contextTokens, generatedTokens)
	}
	first := Request{0, time.Date(2023, 11, 16, 18, 15, 46, 680_590_000, time.UTC), 374, 44}
	last := Request{19365, time.Date(2023, 11, 16, 19, 14, 8, 402_527_000, time.UTC), 197, 183}
	if requests[0] != first || requests[len(requests)-1] != last {
		t.Errorf("first and last are %+v and %+v", requests[0], requests[len(requests)-1])
	}
	checkEvents(t, requests, contextTokens, generatedTokens)
}

// checkEvents: all customers together use what the file says.
func checkEvents(t *testing.T, requests []Request, contextTokens, generatedTokens int64) {
	t.Helper()
	const customers = 20
	events := Events(requests, customers)
	if got := len(oracle.Current(events)); got != 3*Requests {
		t.Errorf("%d distinct events, want %d", got, 3*Requests)
	}
	bySubscription := map[string][]oracle.Event{}
	for _, e := range events {
		bySubscription[e.Subscription] = append(bySubscription[e.Subscription], e)
	}
	want := map[string]int64{RequestsCode: Requests, InputTokensCode: contextTokens, OutputTokensCode: generatedTokens}
	from, to := requests[0].Time, requests[len(requests)-1].Time.Add(1)
	for code, sum := range want {
		metric := oracle.Metric{Code: code, Aggregation: oracle.CountAgg}
		if code != RequestsCode {
			metric.Aggregation, metric.Field = oracle.SumAgg, TokensField
		}
		total := oracle.Decimal("0")
		for customer := range customers {
			subscription := SubscriptionOf(customer)
			total.Add(total, oracle.Usage(bySubscription[subscription], metric, subscription, from, to, oracle.Split{}).Find(oracle.NoFilter).Units)
		}
		if !total.IsInt() || total.Num().Int64() != sum {
			t.Errorf("%s: all customers used %s, want %d", code, total.RatString(), sum)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty":         "",
		"no header":     "2023-11-16 18:15:46.6805900,374,44\r\n",
		"missing field": header + "\r\n2023-11-16 18:15:46.6805900,374\r\n",
		"bad time":      header + "\r\n2023-11-16T18:15:46Z,374,44\r\n",
		"bad number":    header + "\r\n2023-11-16 18:15:46.6805900,37.4,44\r\n",
	} {
		if _, err := Read(strings.NewReader(text)); err == nil {
			t.Errorf("%s: was taken", name)
		}
	}
}

func TestAppendEvent(t *testing.T) {
	t.Parallel()
	r := Request{Row: 21, Time: time.Date(2023, 11, 16, 18, 15, 46, 680_590_100, time.UTC), ContextTokens: 374, GeneratedTokens: 44}
	events := r.Events(20)
	for i, want := range []string{
		`{"transaction_id":"azure-00021-requests","external_subscription_id":"sub-02","code":"requests","timestamp":1700158546.680590100}`,
		`{"transaction_id":"azure-00021-input_tokens","external_subscription_id":"sub-02","code":"input_tokens","timestamp":1700158546.680590100,"properties":{"tokens":374}}`,
		`{"transaction_id":"azure-00021-output_tokens","external_subscription_id":"sub-02","code":"output_tokens","timestamp":1700158546.680590100,"properties":{"tokens":44}}`,
	} {
		got := AppendEvent(nil, events[i])
		if string(got) != want {
			t.Errorf("event is\n%s\nwant\n%s", got, want)
		}
		if !json.Valid(got) {
			t.Errorf("%s is not JSON", got)
		}
	}
}
