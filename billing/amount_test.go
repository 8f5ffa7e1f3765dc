package billing

import (
	"encoding/json"
	"testing"
)

// A price is kept and shown as it was given.
func TestAmountKeepsItsDigits(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0", "0.10", "1.000", "10", "1000", "0.00", "12345678901234567890.123456789012345678"} {
		var p ChargeProperties
		if err := json.Unmarshal([]byte(`{"amount":"`+text+`"}`), &p); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		if want := `{"amount":"` + text + `"}`; string(got) != want || p.Amount.String() != text {
			t.Errorf("%s became %s, %s", want, got, p.Amount)
		}
	}
	if got := DefaultProperties(Standard).Amount.String(); got != "0" {
		t.Errorf("the default price is %q", got)
	}
}
