package target

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"
)

func TestPositions(t *testing.T) {
	t.Parallel()
	positions := Positions{}
	for _, header := range []string{"", "3:7", "3:5, 0:9", "3:8"} {
		if err := positions.Add(header); err != nil {
			t.Fatal(err)
		}
	}
	if got := positions.String(); got != "3:8,0:9" && got != "0:9,3:8" {
		t.Errorf("positions are %s, want 0:9 and 3:8", got)
	}
	for _, header := range []string{"3", "x:1", "3:", "1:2:3"} {
		if err := positions.Add(header); err == nil {
			t.Errorf("%q was taken", header)
		}
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	const stat = "4242 (weir ) (x) S 1 4242 4242 0 -1 4194560 100 0 0 0 1234 66 7 8 20 0 12 0 100"
	got, err := parseStat([]byte(stat))
	if err != nil || got != 13*time.Second { // (1234 + 66) / 100
		t.Errorf("processor time is %v, %v, want 13s", got, err)
	}
	for _, bad := range []string{"", "4242 (weir) S 1", "no name"} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestInherited(t *testing.T) {
	t.Parallel()
	got := inherited([]string{"HOME=/root", "WEIR_KAFKA_BROKERS=prod:9092", "WEIR_PG_BIN=/pg", "WEIR_DATABASE_URL=x"})
	if want := []string{"HOME=/root", "WEIR_PG_BIN=/pg"}; !slices.Equal(got, want) {
		t.Errorf("inherited is %v, want %v", got, want)
	}
}

func TestAPI(t *testing.T) {
	t.Parallel()
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		body, _ := io.ReadAll(r.Body)
		switch {
		case r.Header.Get("Authorization") != "Bearer k":
			w.WriteHeader(http.StatusUnauthorized)
		case calls == 1:
			w.WriteHeader(http.StatusServiceUnavailable)
		case r.URL.Path == "/api/v1/customers/a b/current_usage" && r.URL.Query().Get("external_subscription_id") == "s/1":
			w.Header().Set(PositionHeader, r.Header.Get(PositionHeader))
			_, _ = io.WriteString(w, `{"customer_usage":{"amount_cents":12,"charges_usage":[{"units":"1.5","events_count":3,"amount_cents":12,"billable_metric":{"code":"c"}}]}}`)
		case string(body) == `{"x":{"y":1}}`:
			w.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(w, "no")
		}
	}))
	t.Cleanup(server.Close)
	api := API{URL: server.URL, Key: "k"}
	usage, err := api.CurrentUsage(t.Context(), "a b", "s/1", "0:1")
	if err != nil {
		t.Fatal(err)
	}
	if usage.AmountCents != 12 || len(usage.Charges) != 1 || usage.Charges[0].Units != "1.5" ||
		usage.Charges[0].EventsCount != 3 || usage.Charges[0].Metric.Code != "c" {
		t.Errorf("usage is %+v", usage)
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2: a 503 is asked again", calls)
	}
	var refusal *Refusal
	err = api.Post(t.Context(), "/things", Object{"x": Object{"y": 1}}, nil)
	if !errors.As(err, &refusal) || refusal.Status != http.StatusUnprocessableEntity || refusal.Body != "no" {
		t.Errorf("error is %v, want the refusal", err)
	}
}

// TestStartOfWhatIsNotWeir: a binary that ends at once is reported, and nothing is left.
func TestStartOfWhatIsNotWeir(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, binary := range []string{"/bin/false", "/no/such/file"} {
		if child, err := Start(ctx, ChildOptions{Binary: binary}); err == nil {
			t.Errorf("%s was started: %v", binary, child.Stop())
		}
	}
}
