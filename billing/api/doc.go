// Package api is the management API: Lago's REST routes over net/http, all but the
// writing of events, which package intake serves. One file for each noun.
//
// A client of Lago must not see a difference: wrappers, member names, what is null,
// how decimals and instants are printed, the shapes and codes of refusals and the
// status 200 on creation are Lago's. Members that weir adds have names of their own:
// message and request_id in refusals, weir in events.
//
// # Invariants
//
//   - Every query names the organization of the request's key. Another
//     organization's ids are not found, exactly like ids that do not exist.
//   - A request is refused with all its faults at once, and a refused request leaves
//     nothing behind. The fault of a nested member is named by its path, with the
//     index where it stands in a list: charges.1.properties.amount.
//   - Where Lago would act on a member and this version would not, and money or what
//     is shown would be wrong, it is refused as not_supported_yet. Members that Lago
//     does not know are ignored.
//   - Faults of ours say nothing to the outside but the id of the request, under
//     which the log has them.
//   - now is the organization's clock: a test clock's where one is set.
//   - What an invoice is made of is never taken from memory; package biller reads it anew.
//   - Ids of a request (path, query) may lie in memory that is used again once it is
//     answered, where another HTTP server stands in front. Whoever keeps one copies it.
//   - Usage is priced by billing.PriceCharge with the definitions of postgres, which
//     are those that the aggregators count by: the same function and the same
//     definitions make the invoice.
//
// # Metrics and plans
//
// Besides Lago's aggregations there are min_agg, avg_agg and percentile_agg, the last with a
// percentile: a decimal above 0 and at most 100. Package billing says what each makes of a
// period without events and which charge models it goes with.
//
// PUT /billable_metrics/{code} changes all of a metric, in use or not, where Lago ignores most:
// the past is counted again, in periods that are not billed yet. Refused are another code
// while there are charges (attached_to_plan_or_subscription), and an aggregation that the
// model of one of them does not go with. Values that a metric no longer declares leave its
// charges' filters; a filter that is left without a value for one of its keys goes. DELETE
// takes the charges along, and leaves the events to nobody: see package billing.
//
// PUT /plans/{code} is Lago's. A charge's id must be one of the plan's, and its metric stays;
// so it is with fixed charges and their add-ons. Without properties a charge keeps its own,
// unless its charge_model changes. A filter that looks for the same values is the same filter.
// presentation_group_keys may be plain names. On a plan with live subscriptions interval, code,
// amount_currency, pay_in_advance, trial_period, bill_charges_monthly and
// bill_fixed_charges_monthly stay what they are, whatever is said. Those two are null, also when
// they were asked for, unless the interval is semiannual or yearly. minimum_commitment and
// tax_codes say nothing when they are null; {} takes the commitment away, [] the taxes.
// metadata is replaced. cascade_updates is taken and changes nothing: no plan has children.
//
// The metadata routes of a plan are Lago's, with its limits: 50 keys of at most 100 characters,
// values of at most 255 characters or null. An empty object is metadata; without any it is null.
//
// POST /billable_metrics/evaluate_expression answers with a decimal or a text, as text; the
// clock's instant stands in for a timestamp that is missing.
//
// # One charge, filter or fixed charge of a plan
//
// /plans/{code}/charges, …/charges/{charge_code}/filters and /plans/{code}/fixed_charges change
// one of them. Each request is one change of the plan: made under its lock, checked as a PUT of
// the plan would be, and one version of the catalog. What is new comes last; lists are in the
// plan's order. A code in the path may hold any character but a slash, and a slash where it is
// escaped. The faults of a charge are named without its place: properties.amount.
//
// The values of a filter never change under its id, which fees refer to (package billing). A
// PUT of other values makes another filter in the same place: the answer has a new lago_id, and
// the old one is charge_filter_not_found. Values that another filter of the charge looks for are
// value_already_exist: an event counts for one of them only.
//
// A fixed charge keeps its pay_in_advance and prorated, and on a plan with live subscriptions its
// charge_model, whatever is said. Other units count from the next period on, or with
// apply_units_immediately from now on, unless it is paid in advance: fewer units are not given
// back, and more of a plan with live subscriptions are not_supported_yet, since they would have
// to be invoiced at once. units are a number in answers; in requests they may be text.
//
// # Taxes, add-ons, pricing units
//
// tax_codes of a customer, plan, commitment, charge, fixed charge or add-on replace its taxes; a
// code that is not there is tax_not_found. A change of a tax covers what is not billed yet. A
// deleted tax is taken off everything; invoices keep it as it was. A deleted add-on takes the
// fixed charges along that are of it, as in Lago, and like a deleted metric its charges.
//
// /pricing_units (POST, GET, and by code GET, PUT, DELETE) is ours: Lago has it in its user
// interface only. {"pricing_unit": {"lago_id", "code", "name", "short_name" (at most 3
// characters), "description", "created_at"}}. One that charges are priced in can't be deleted
// (405, attached_to_plan_or_subscription).
//
// Wherever there is a PUT a PATCH does the same.
//
// # Subscriptions
//
// GET, PUT and DELETE /subscriptions/{external_id} look for the active one, or with ?status for
// one in another status; PUT takes status beside the wrapper, too. PUT changes name,
// ending_at, purchase_order_number, consolidate_invoice and, of a pending one,
// subscription_at. Later that says nothing, as in Lago. One that is moved to now or before is
// active at once, and billed as if it had been created then. ending_at must be to come and after
// the start; null takes it away. What has ended is subscription_not_found.
//
// purchase_order_number is kept without blanks around it. What falls due together for a customer
// goes on one invoice for each number, those without one on one of their own, and with
// consolidate_invoice=false on one for the subscription alone. A change counts for invoices that
// are made from then on.
//
// DELETE /plans/{code} cancels the plan's pending subscriptions and ends the active ones now, each
// with its final invoice. on_termination_credit_note and on_termination_invoice are ours there,
// mean the same as of a subscription, and hold for all: a plan with one whose base fee was paid in
// advance is not deleted without on_termination_credit_note=skip. It ends 1,000 in one
// transaction. A request that does not come to its end leaves a plan that takes no
// new subscriptions and says pending_deletion; the same request again goes on. Afterwards the
// code is free.
//
// # Usage
//
// current_usage, projected_usage, past_usage and lifetime_usage have Lago's parameters and
// shapes; what they say besides:
//
//   - Taxes are those that an invoice of that usage alone would have: rounded once, and not
//     charge by charge. apply_taxes=false leaves them out. What makes up for minimums is no
//     usage, and in none of them.
//   - full_usage is what the subscription used from its start to the end of the running
//     period, as if that were one period: in-between invoices change nothing, tiers and free
//     units apply once. As in Lago it must be of a charge, a metric or a group. A prorated
//     charge's units are parts of one period's days, and so it is full_usage_not_allowed.
//   - A group that is asked for (filter_by_group[key]=value, group) leaves charges that are
//     not grouped by the key out. A value is compared in its text form; "" is the group of the
//     events without the property.
//   - projected_usage follows Lago's rule whatever the aggregation: billing.Project.
//   - past_usage is what finalized invoices billed, with the charges as they were then. A
//     page has at most 100 periods.
//   - lifetime_usage is what was invoiced of the external id, and all that is not invoiced yet.
//
// Every answer about the usage of one subscription as it is now names in Weir-Log-Position
// the last record that is in it, as "partition:offset", and unless it is by the definitions
// of invoices in Weir-Catalog-Version the version of the organization's catalog that it
// reflects. Usage that is too large for an invoice to hold (amount_cents), or divided by too
// many values (usage), is value_is_out_of_range. Weir-Log-Position in a request makes it wait, at most 5 s, for what the
// writing of events answered with.
//
// current_usage and projected_usage mostly do without the database. What they need of it is
// remembered: customer, subscription and clock by package postgres (DB.RecentRunningSubscription),
// plans, charges and metrics here, by the version of the catalog (catalogs). What was written through
// this process is always seen; what another process has written, at the latest after
// postgres.RecentAgeMax. A request that must see it at once says Cache-Control: no-cache. A
// sandbox always reads the database: its clock may have been set elsewhere just now.
//
// Questions that need too much memory beside others are answered 503, overloaded, and can be
// asked again. Where requests are limited for each organization, answers carry
// X-Ratelimit-Limit, X-Ratelimit-Remaining and X-Ratelimit-Reset, and what is beyond the limit
// is 429, too_many_requests, with Retry-After.
//
// GET /customers/{external_id}/usage is ours: the units, events and uncounted events of one
// metric (billable_metric_code) or all of them, of one subscription (external_subscription_id)
// in any [from, to) (RFC 3339, a date, or seconds since the Unix epoch; to the nanosecond):
//
//	{"usage": {"external_subscription_id", "from", "to", "granularity", "group_by",
//	  "metrics": [{"billable_metric", "units", "total_aggregated_units", "events_count", "uncounted",
//	    "groups": [{"grouped_by", "units", …}],
//	    "buckets": [{"from", "to", "units", …, "groups"}]}]}}
//
// Without from it begins at the beginning of time, without to it ends now. group_by[] names up
// to 5 properties, of any kind; those that no charge filters or groups by are answered event
// by event, and for at most 366 days. granularity=hour, day or month adds a bucket for each of
// the customer's, the first and last cut short by from and to: at most 1,000, and 10,000 times
// the metrics. Each figure is the metric's usage of its own span, not rounded and not raised
// to 0: buckets and groups add up to the whole only for counts and sums, and a recurring
// metric's figure is what it stands at when the span ends.
//
// GET /customers/{external_id}/usage_differences says for the invoiced periods, the newest
// first (a page has at most 20), for each charge, filter and group what was billed, what the
// same question is answered with now, and the difference in units, events and, at the prices
// of the invoice, money. meta counts the periods. What is as it was billed is left out.
//
// # Invoices and fees
//
// POST /invoices makes a one-off invoice of add-ons, final at once, by the organization's clock.
// Without currency it is in the customer's, or if that has none in the first add-on's; a
// customer without one takes it over. An add-on in another currency must be given a
// unit_amount_cents. tax_codes of a fee are its taxes and no others, also when there are none.
// from_datetime and to_datetime, which is inclusive, are now unless given.
//
// billing_periods have, as Lago's answers do and its specification does not,
// fixed_charges_from_datetime and fixed_charges_to_datetime. No boundary is null: without a base
// fee they are those of the base fee's period in which the rest begins, and without usage or
// fixed charges both are the instant at which the rest begins. taxes_rate of an invoice is ours.
//
// GET /fees/{lago_id} adds under weir how a fee came about, as its invoice has kept it:
//
//	{"events": where the events behind a charge's fee are listed,
//	 "fixed_charge": {"charge_model", "properties", "prorated", "priced_units", "period_days",
//	   "units": [{"from_datetime", "to_datetime", "units", "days"}]},
//	 "minimum": {"from_datetime", "to_datetime", "amount_cents", "days", "period_days",
//	   "due_amount_cents", "billed_amount_cents"}}
//
// minimum is what a commitment's fee or a charge's true-up makes up for: what is due for days of
// period_days, less what other fees have billed. What is not of the fee's kind is null.
//
// # Events
//
// GET /events lists what counts now: amended events as they are, cancelled ones not. Of one
// subscription it may be of any time. Without external_subscription_id it is of at most 31
// days: timestamp_from to timestamp_to, by default the 24 hours before timestamp_to or now,
// and an hour ahead of now for senders whose clocks are fast. Totals are counted up to a
// million; Weir-Total-Capped: true says that there may be more.
//
// From a figure to its events: charge_code or charge_id narrow the list down to the events
// that count for the charge; charge_filter_id to one of its filters, or with "default" to
// what no filter takes; grouped_by[key]=value to the groups with that value. invoice_id takes
// the invoice's period, prices and cut: the events as they were when it was made, whatever has
// been amended, cancelled or sent since.
//
// GET /events/{transaction_id} shows a cancelled event, too, with the content it had last,
// and explains under weir: its versions by revision, the conflicts (later events with its id
// and other content, set aside), and where it is counted, charge by charge with filter,
// group, period and invoice (includes_event: its present content was before the cut), or the
// reason why it is not: cancelled, unknown_code, before_metric, missing_property,
// not_a_number, expression_failed, no_subscription (none ran at its time), before_billing
// (its period had passed when the subscription was created), no_charge. What a recurring
// metric takes at such a time counts in the next period that is billed. Filter and group are
// decided by aggregator.Split.Place, as they are for usage.
//
// PUT /events/{transaction_id} {"event":{…}} amends an event, DELETE cancels it, both as new
// records of the log. What names it is its identity, transaction_id and
// external_subscription_id (a member, or a parameter as for DELETE), and can't be changed;
// an id that several subscriptions used needs the latter. code, timestamp, properties and
// precise_total_amount_cents can; what is left out stays, properties are replaced whole, null
// takes away. The whole event must be one that could be sent, also by its metric's
// expression. revision orders corrections: the client's, which must be higher than that of
// the event, or the next one. A correction that says what is so already (a retry) writes
// nothing and is answered like the first. A cancelled id stays used, and an amendment makes it
// count again. The answer comes when the correction is counted. When it is 503 the correction
// may have been written: the same request again is safe.
//
// GET /uncounted_events lists what counts nowhere. With external_subscription_id: the events,
// each with its reason, and how many there are for each; reason, billable_metric_code, from
// and to narrow it down, and when several reasons or codes are left, the first 1,000 can be
// listed. Without: the codes that no metric has and the external ids that no subscription
// ever had, by from and to, at most 31 days and by default as in the list of events, in
// pages of which each says in next how to ask for the one after. It counts nobody's events
// twice: outside the time of a subscription the reason is no_subscription alone, before its
// first period that is billed before_billing; what a recurring metric carries into that
// period is not listed. The metrics and charges are those of now, also of periods that were
// invoiced by others: GET /events/{transaction_id} tells what an invoice counted.
//
// # Where it differs from Lago
//
// Texts are bounded (255 bytes, descriptions 4 KiB) and have no NUL. So is all that the
// charges of one plan filter and group by (billing.SplitBytesMax). Texts must be
// JSON strings; whole numbers and booleans may also be their text. Pages have at most
// 1,000 entries, and only the first million events can be listed. Charges stand in the
// plan's order, also in usage. Lago names what is wrong with any charge of a plan just
// "properties"; here the path says which charge, in the same shape and with the same codes.
//
// A subscription may not begin before an earlier one with the same external_id ended:
// both would bill the events in between. A customer has one currency: its own, or that
// of its first plan or one-off invoice. Ending a subscription whose base fee was paid in
// advance must say on_termination_credit_note=skip, since there are no credit notes yet; for
// the same reason it can have an ending_at only on the last day of a period. List filters
// that are not built are refused, not ignored.
//
// # What has gone wrong here
//
//   - A member that is null is there, but says nothing. Asking whether it was there in
//     place of whether it was given let a filter without values through to the
//     database: a 500. has is for clearing by null; everything mandatory asks given.
//   - A change of a customer was checked against an empty one, and a note that named
//     its id alone was refused. A change is checked against what it will change.
//   - Lago creates a customer that a subscription names first. Creating it before
//     everything else was checked left it behind when the subscription was refused.
//   - Filters that are not built were looked for by their bare names, and those by a key,
//     name[key]=value, were ignored: usage of everything was shown for it.
//   - The json package no longer knows the tag inline, and takes unknown tags without a
//     word: figures stood in an object of their own. It is embed, and golden files tell.
//   - The charges of a running period were summed without looking, and two huge ones made
//     a negative total. billing.TotalCents sums them now, as an invoice is summed.
//   - An event of a recurring metric from before the subscription began was said to count
//     nowhere, although the first period carried it. billedPeriod looks for the period of an
//     instant; what is carried has none of its own.
//   - An id in a request was kept as the key of a cache. Its memory became another request's,
//     and usage of one subscription was answered for another. The load generator's reconciliation saw it.
//   - ?status=pending found a subscription that had begun by the time it was locked, and
//     ended it. What was found is compared again under the lock.
//   - Codes of a one-off invoice's add-ons were looked up in what distinct had left of their
//     list: it works in the memory of what it is given. The last ones were not found.
//   - After a move to another time zone the days that metering was told of began hours after
//     the usage period, and it refused to answer. Subscription.UsageDays stretches them.
package api
