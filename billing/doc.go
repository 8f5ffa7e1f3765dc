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
//     most one invoice of its kind: Subscription.BaseBilledUntil, UsageBilledUntil,
//     FixedBilledUntil and FixedAheadBilledUntil only ever move forward, each by itself, from
//     a period's From to its To.
//   - A finalized invoice is never recomputed.
//   - One function prices usage, PriceCharge, for current usage and for invoices; and one
//     period function serves both, so that they agree to the last minor unit.
//
// # From usage to an invoice
//
//	definition.go  MetricDefinition: by which properties metering must split a metric
//	metered_charge.go  MeterCharges: what to ask metering for charges
//	pricing.go     PriceCharge: buckets of filter and group to money
//	standard.go graduated.go package.go percentage.go volume.go graduated_percentage.go
//	dynamic.go custom.go  the charge models: validity, price, details; ranges.go of those with ranges
//	projection.go  Project: what the usage of a running period comes to at its end
//	period.go interval.go  Schedule: where periods begin and end, by local days
//	subscription.go  Start, Terminate, Cancel: the states, and what they make due
//	subscription_change.go  Reschedule: another start or end; InvoiceKey: what goes on one invoice
//	timetable.go trial.go  when base fee, usage and fixed charges fall due, each by itself
//	bill.go        NextBill: what falls due next for a subscription, and its Advance
//	commitment_span.go  what of a minimum commitment a bill settles
//	assemble.go    Assemble: the bills of one customer to an invoice and its evidence
//	true_up.go minimum_commitment.go  what makes up for the minimum of a charge, and of a plan
//	fixed_charge.go  PriceFixedCharge: the units of a subscription over a period to money
//	one_off.go     AssembleOneOff: an invoice of add-ons, without a subscription
//	tax.go         the taxes of fees, and of their invoice
//	evidence.go    what an invoice keeps of what it asked metering and how it priced that
//	evidence_priced.go  and of how it priced the rest
//	invoiced_usage.go  Difference: what has become of usage since it was billed
//
// # Metrics and charges
//
// What a metric says of a period without events, and which charge models it may carry.
// Package aggregator says what each makes of events.
//
//	aggregation         nothing happened            recurring, nothing happened    models
//	count_agg           0                           -                              u %
//	sum_agg             0                           the sum of all time            u % d; recurring: r
//	max_agg             0                           -                              u %
//	min_agg             0                           -                              u
//	avg_agg             0                           -                              u
//	latest_agg          0                           -                              u
//	unique_count_agg    0                           the members that are present   u %; recurring: r
//	weighted_sum_agg    0                           the running sum                u %
//	percentile_agg      0                           -                              u
//
//	u standard, graduated, package, volume and custom: what prices units takes all of them
//	% percentage and graduated_percentage: they are of what events amount to, which the last or
//	  the least of them, their middle or a percentile is not (Lago says so of latest_agg)
//	d dynamic: adds up what events carry, which only sums do
//	r can be prorated, on a standard, graduated or volume charge: units count for the local days they
//	  were there. A weighted sum does by itself, by seconds, and so is never called prorated.
//
// Most prices are made of units and the number of events. What depends on the events one after
// the other metering is asked for besides (aggregator.Fold, see ChargeSplit): where the
// allowance of a percentage charge ends, what its events cost each by itself, and prorated units.
//
// Prorated units are unit-days over the days of the full period, raised to 5 decimals (of a
// graduated charge in each range). The units that are shown are the full ones.
//
// A price in a pricing unit is rounded to 2 decimals in it, then converted, then rounded in the
// currency; so is a charge's minimum, which is in the unit, too.
//
// Units are rounded as the metric says, by bucket, and then bounded: less than nothing is
// nothing. Parts for display (presentation_group_keys) are neither; they need not add up to
// the bucket, and do not where the aggregation is no sum.
//
// # Periods
//
// What a subscription is billed for is of four kinds. Each has a schedule, and an instant until
// which it is billed. What falls due next is the earliest of the four, and a bill covers every
// kind that falls due at its instant: an invoice has up to four periods of one subscription.
//
//	kind                   schedule                          falls due
//	base fee               the plan's interval               at the end of the period; in advance at its start
//	usage                  the interval, or months           at the end
//	fixed charges          the interval, or months           at the end
//	fixed charges, ahead   the interval, or months           at the start
//
// Months are those of a plan of half a year or longer that says so (bill_charges_monthly,
// bill_fixed_charges_monthly). Month ends clamp, each month anew: the periods of an anniversary
// on the 31 January begin on the 28 or 29 February and on the 31 March.
//
// An end cuts short what is billed at the end of a period; what is paid in advance stays, and
// nothing begins at the end. An instant at which nothing is covered makes no invoice.
//
// # Time zones that change
//
// When the customer's time zone changes, all boundaries move: by hours, and those of an
// anniversary on the 1 March, which is the 28 February elsewhere, by up to four days more. The
// instant until which a kind is billed stays. It is the boundary of the new zone's schedule which is
// nearest to it; that is unambiguous, since no boundary moves by half a period, not even a
// week's. So the same periods follow each other in all zones: none is short or long by more than
// the boundaries move, none is billed twice or left out, and each costs its full days.
//
// A first period has no such boundary, for it begins anywhere. Its end must not become one that
// its beginning was behind in the old zone: the subscription was not to fall due before
// NextDueAt, which is that bound.
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
// that had elapsed by then, as with Lago: usage and what is paid in arrears are billed from
// the running period on, whole; what is paid in advance from the next period on, unless the
// subscription began on the very day. Each kind goes by its own periods: of a year that runs
// all is billed, of its months those that do not lie behind. "By then" is the organization's
// clock, also in a sandbox.
//
// A subscription that is pending can be moved. What depends on whether its beginning lay in the
// past goes by when that was said last, and not by when it was created. An end can be
// moved until it has come, noticed or not.
//
// What falls due together for a customer goes on one invoice as far as currency and purchase
// order number are the same, and the subscription does not want one of its own.
//
// A trial is that of the base fee alone. It ends at an instant: so many days of 24 hours after
// the first subscription of the customer with the external id started; whoever begins anew has
// what is left of it. The day of its end is paid. A plan in advance falls due at that very
// instant, also if it began in the past but the trial lasts, with the reason of a start; one in
// arrears at the period's end, and nothing says meanwhile that the trial is over but the
// instant itself. A period that lies in the trial has no base fee, not one of zero.
//
// Whether there are fixed charges says whether there is an invoice, not when something falls
// due: one that is put on a plan in the midst of a period finds all that is before billed. In
// advance it begins with the next period, also in the first.
//
// A minimum commitment is of the plan's interval, by the days that the subscription runs in
// it, trial or not. In arrears it is settled with the base fee, in advance when the interval
// is over. A plan in advance whose subscription was created in the midst of an interval
// settles nothing for that, because it has paid nothing for it at its beginning, and the first
// invoice of one settles nothing (Lago), which during a trial may be that of the first
// interval's end. Fees are of the interval in which their periods begin.
//
// The base fee is counted in local days that the subscription touches, over the days of
// the full period, first multiplied and then divided. A first anniversary period has all
// of its days and so costs the full amount; a termination pays its day. Lago counts the
// seconds between two instants, up to whole days, and gets the same days.
//
// Of the units of a fixed charge what was set last counts, also if it was to count from an
// earlier instant than what was set before. The day of a change is that of the new units.
// Units that were set when a subscription was created, or that its plan came with, are
// there from its start. Prorated fees show the last units, and keep the others as evidence.
//
// What makes up for a charge's minimum hangs on the fee of the charge's default bucket, which
// for this alone is there also where it is empty, as with Lago.
//
// An invoice's taxes are rounded once for each tax and once in all, and so need not be the
// sums of what is shown beside them. A tax whose rate was changed between the reading of a
// plan and that of the organization stands on the invoice once for each rate.
//
// An add-on in another currency than a one-off invoice needs a price of its own on it. Lago
// takes the number as it is.
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
//   - A subscription in advance that was created with a beginning in the past, during its trial,
//     had nothing paid ahead but looked as if it had, and a change of zones cut its usage
//     after five hours. What is paid ahead reaches further than usage.
//   - Asked for the running period of a subscription whose end had passed without a biller
//     noticing yet, UsagePeriodAt answered one that began after it ended.
//   - Current usage and invoices each chose for themselves by which definition to ask, from
//     a plan and a catalog that are read one after the other. Since metrics can be changed,
//     a price of one state could meet units of another. MeterCharges chooses for both.
package billing
