package aggregator

// Reason says whether an event takes part in the metric with its code, and why
// not. The numbers stand in counters: they are for ever.
type Reason uint8

// The reasons.
const (
	TakesPart        Reason = 0
	MissingProperty  Reason = 1 // the property is missing, null or nested
	NotANumber       Reason = 2 // the property, or what the expression gave, is no number
	ExpressionFailed Reason = 3 // the expression has no value for this event
	// BeforeMetric: it was received before the metric began (Metric.ReceivedFrom). That
	// is no fault of the event, and not counted as one.
	BeforeMetric Reason = 4

	ReasonsEnd = 5
)

// String returns the reason's name, as metrics and the API give it.
func (r Reason) String() string {
	switch r {
	case TakesPart:
		return "takes_part"
	case MissingProperty:
		return "missing_property"
	case NotANumber:
		return "not_a_number"
	case ExpressionFailed:
		return "expression_failed"
	case BeforeMetric:
		return "before_metric"
	default:
		return "unknown"
	}
}

// Uncounted is how many events did not take part, by reason.
type Uncounted [ReasonsEnd]int64

// Total returns how many there are of all reasons.
func (u *Uncounted) Total() int64 {
	var total int64
	for _, n := range u {
		total += n
	}
	return total
}
