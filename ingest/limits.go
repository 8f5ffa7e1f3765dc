package ingest

import "time"

// Limits of what is taken in. What exceeds one is refused, with an error that
// names the limit; see the README for where this is stricter than Lago.
const (
	IDBytesMax            = 255      // transaction_id, external_subscription_id, code
	PropertiesMax         = 100      // properties of one event
	PropertyNameBytesMax  = 128      // name of one property
	PropertyValueBytesMax = 1 << 10  // value of one property, decoded; a nested value: its JSON
	NestingMax            = 8        // depth of objects and arrays inside a property, or an ignored member
	NumberDigitsMax       = 38       // digits of one number as written, its exponent applied, zeros in front not counted
	EventBytesMax         = 64 << 10 // JSON of one event
	ObjectMembersMax      = 10_000   // members of any one JSON object, known or not
	FaultsMax             = 1_000    // faults reported of one call; the rest are not listed
	BodyBytesMax          = 10 << 20 // request body as sent
	BodyInflatedBytesMax  = 100 << 20
	InflationRatioMax     = 100 // decompressed bytes per compressed byte
	HeaderBytesMax        = 16 << 10
	HeaderTimeout         = 10 * time.Second
	BodyTimeout           = 10 * time.Second

	// Of the expression of a billable metric. They bound what evaluating one costs.
	ExpressionBytesMax   = 1 << 10 // its text
	ExpressionStepsMax   = 256     // its operands and operations
	ExpressionNestingMax = 32      // depth of its parentheses and functions
	ExpressionDigitsMax  = 256     // digits of a number at any step, in its shortest plain form

	// TimestampMin and TimestampMax bound event times, nanoseconds since the
	// Unix epoch: 1970-01-01 (inclusive) to 2200-01-01 (exclusive), UTC.
	TimestampMin int64 = 0
	TimestampMax int64 = 7258118400 * int64(time.Second)

	// BatchEventsMaxDefault is how many events one request may carry; a setting.
	BatchEventsMaxDefault = 10_000
)
