package billing

import (
	"errors"
	"strings"
	"testing"

	"weir/aggregator"
	"weir/ingest"
)

func customOf(expression string) ChargeProperties { return ChargeProperties{Expression: expression} }

func TestPriceCustom(t *testing.T) {
	t.Parallel()
	f := func(expression, units string, events, cents int64, precise string) {
		t.Helper()
		p := customOf(expression)
		if codes := p.Validate(Custom); codes != nil {
			t.Fatalf("%s: %v", expression, codes)
		}
		ch := testCharge(Custom, p)
		usage, err := PriceCharge(ch, []aggregator.BucketUsage{{Filter: aggregator.NoFilter, Units: dec(units), EventsCount: events}}, "USD")
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		if b := usage.Buckets[0]; b.AmountCents != cents || !b.PreciseAmount.Equal(dec(precise)) || string(b.AmountDetails) != `{}` {
			t.Errorf("%s of %s units and %d events: %d cents, precisely %s, want %d and %s", expression, units, events, b.AmountCents, b.PreciseAmount, cents, precise)
		}
	}
	f("units * 0.1 + events_count * 0.02", "12.5", 4, 133, "133") // 1.25 + 0.08
	f("units / 3", "10", 1, 333, "333.333333333333333333")        // 20 decimals
	f("ceil((units - 50) / 100) * 25", "230", 1, 5000, "5000")    // a package of 100 after 50: ceil(1.8) x 25
	f("5", "0", 0, 500, "500")
	f("units - 100", "99.99", 2, 0, "0") // nothing costs less than nothing
	f("units + 1", "-7", 2, 100, "100")  // nor is less used
	f("round(units * 0.001, 2)", "15", 1, 2, "2")
}

func TestValidateCustom(t *testing.T) {
	t.Parallel()
	f := func(expression string, want ...string) {
		t.Helper()
		p := customOf(expression)
		sameCodes(t, p.Validate(Custom), want)
	}
	f("units")
	f("", CodeMandatory)
	f("units *", CodeInvalidExpression)
	f("event.properties.a", CodeInvalidExpression)
	f("'5'", CodeInvalidExpression)
	f("tokens", CodeInvalidExpression)
	f("1 / 0", CodeInvalidExpression)
	// Whoever uses nothing must be billed, too.
	f("units / events_count", CodeInvalidExpression)
	f("units / (events_count + 1)")
	f("1"+strings.Repeat("0", 30), CodeInvalidExpression) // no invoice could hold it
	f("1" + strings.Repeat("0", 14))
	f("1"+strings.Repeat("0", 15), CodeInvalidExpression) // of a currency with 4 digits
}

// An expression without a value is an error that names the charge, and whose it is.
func TestPriceCustomFails(t *testing.T) {
	t.Parallel()
	f := func(expression, units, want string) {
		t.Helper()
		ch := testCharge(Custom, customOf(expression))
		if codes := ch.Properties.Validate(Custom); codes != nil {
			t.Fatalf("%s: %v", expression, codes)
		}
		_, err := PriceCharge(ch, []aggregator.BucketUsage{{Filter: aggregator.NoFilter, Units: dec(units), EventsCount: 1}}, "USD")
		if err == nil || !strings.Contains(err.Error(), ch.ID.String()) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s of %s units: %v", expression, units, err)
		}
		var callers *Error
		if !errors.As(err, &callers) || callers.Kind != KindValidation || len(callers.Fields["charges.tokens.properties.expression"]) != 1 {
			t.Errorf("%s of %s units: %#v is not the caller's", expression, units, err)
		}
	}
	f("1 / (units - 5)", "5.0", "division by zero: of 5 units and 1 events")
	f("units * units * units", "1"+strings.Repeat("0", ingest.ExpressionDigitsMax/2), "digits")
}
