// Package billing is the domain of money: what customers owe for the usage that
// package aggregator measured, and when.
//
// It is pure: no input or output, no goroutine, no clock; now is an argument.
// PostgreSQL stands in postgres, the clock tick that makes invoices in biller,
// Lago's REST API in api.
//
// # Invariants
//
//   - Money: totals are integer minor units with a currency; prices and units are
//     decimals. Only money.go rounds, at the steps Lago's contract names.
//   - Periods are half-open [From, To). The inclusive 23:59:59 of Lago exists only
//     in package api. Time zones exist only in period.go.
//   - Every instant of a subscription's base fee, usage and fixed charges is on at
//     most one invoice of its kind: Subscription.BaseBilledUntil, UsageBilledUntil
//     and FixedBilledUntil only ever move forward, from a period's From to its To.
//   - A finalized invoice is never recomputed.
//   - One function prices usage, PriceCharge, for current usage and for invoices; and one
//     period function serves both, so that they agree to the last minor unit.
//
// # From usage to an invoice
//
//	definition.go  MetricDefinition: by which properties metering must split a metric
//	metered_charge.go  MeterCharges: what to ask metering for charges
//	pricing.go     PriceCharge: buckets of filter and group to money
//	standard.go graduated.go package.go dynamic.go  the charge models: validity, price, details
//	projection.go  Project: what the usage of a running period comes to at its end
//	period.go      Schedule: where periods begin and end, by local days
//	subscription.go  Start, Terminate, Cancel: the states, and what they make due
//	bill.go        NextBill: what falls due next for a subscription, and its Advance
//	assemble.go    Assemble: the bills of one customer to an invoice and its evidence
//	evidence.go    what an invoice keeps of what it asked metering and how it priced that
//	invoiced_usage.go  Difference: what has become of usage since it was billed
//
// # Metrics and charges
//
// What a metric says of a period without events, and which charge models it may carry.
// Package aggregator says what each makes of events.
//
//	aggregation         nothing happened            recurring, nothing happened    models
//	count_agg           0                           -                              s g p
//	sum_agg             0                           the sum of all time            s g p d
//	max_agg             0                           -                              s g p
//	min_agg             0                           -                              s g p
//	avg_agg             0                           -                              s g p
//	latest_agg          0                           -                              s g p
//	unique_count_agg    0                           the members that are present   s g p
//	weighted_sum_agg    0                           the running sum                s g p
//	percentile_agg      0                           -                              s g p
//
//	s standard, g graduated, p package: whatever prices units takes all of them
//	d dynamic: adds up what events carry, which only sums do
//
// Percentage models, which do not exist yet, will price what events amount to: they can't be
// on latest_agg (Lago), nor on min_agg, avg_agg and percentile_agg.
//
// Units are rounded as the metric says, by bucket, and then bounded: less than nothing is
// nothing. Parts for display (presentation_group_keys) are neither; they need not add up to
// the bucket, and do not where the aggregation is no sum.
//
// # Changes of the catalog
//
// All of a metric can be changed that can be counted again from raw events, and a charge in
// all but its metric. A change covers the past, in periods that are not billed yet. What an
// invoice has billed stays as it is: it keeps the charges as they were priced and the very
// question that it asked of metering (InvoicedUsage), and by what that would be answered
// today is a difference that can be seen (UsageDifference).
//
// What can't be changed is a metric's code while there are charges on it, since its events
// carry it. A deleted metric takes its charges with it. Its events stay, as evidence; a new
// metric with its code counts only those received after the deletion, by the system's
// clock as intake stamps them (BillableMetric.ReceivedFrom). Clocks of processes that
// differ may put an event of that very moment on the other side. An event that is amended
// is received anew: amended after the deletion, it counts for the new metric.
//
// The values of a charge filter never change under its id, which fees refer to. A filter
// whose values are others is another filter.
//
// # Choices
//
// A subscription that is created with a beginning in the past is not billed for periods
// that had elapsed by then, as with Lago: usage and a base fee in arrears are billed from
// the running period on, whole; a base fee in advance from the next period on, unless the
// subscription began on the very day. "By then" is the organization's clock, also in a
// sandbox.
//
// The base fee is counted in local days that the subscription touches, over the days of
// the full period, first multiplied and then divided. A first anniversary period has all
// of its days and so costs the full amount; a termination pays its day. Lago counts the
// seconds between two instants, up to whole days, and gets the same days.
//
// Fees, groups and snapshots are made in the order of the plan, the charge's filters and
// the values, never in that of a map.
//
// A local midnight may not exist, or exist twice, and time.Date promises nothing then. A
// period begins at the first instant of its local day, found in dayStart alone.
//
// # What has gone wrong here
//
//   - A customer that moved to another time zone within a day of its first boundary got a
//     period of five hours, with a day's base fee of its own, in a bill dated a month back.
//     Boundaries are now looked for nearest to where they were expected.
//   - The days of a base fee were those of the schedule's period alone. A customer that had
//     just paid March, moved west and so back into March, and ended there, paid March again.
//   - A customer that began in advance in a month's last hours and then moved to where the
//     next had begun never paid that month: the fee of the one after covered both.
//   - Asked for the running period of a subscription whose end had passed without a biller
//     noticing yet, UsagePeriodAt answered one that began after it ended.
//   - Current usage and invoices each chose for themselves by which definition to ask, from
//     a plan and a catalog that are read one after the other. Since metrics can be changed,
//     a price of one state could meet units of another. MeterCharges chooses for both.
package billing
