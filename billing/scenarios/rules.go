package scenarios

// Rule is one rule of pricing.
type Rule struct {
	ID   string // stays what it is
	Says string // in one sentence, with its formula
}

// Rules are all of them. Amounts are in currency units unless it says cents, days are local
// days with both ends counted, and to round is half away from zero to the currency's digits.
var Rules = []Rule{
	// Which events belong to a period.
	{"event.first_instant", "Usage of the first period begins at the very instant the subscription starts, not with its day; usage of later ones at local midnight."},
	{"event.last_millisecond", "An event in the last millisecond of the period's last local day is in the period, one at the midnight after it in the next."},
	{"event.end_of_subscription", "Of a subscription that is ended, events up to the instant of its end are billed and later ones never."},
	{"event.late", "An event that comes for a period that is invoiced stays out of every invoice, but for recurring metrics, which count it from the next period on."},
	{"event.future", "An event ahead of the clock waits for the period that its timestamp lies in."},
	{"event.own_subscription", "An event belongs to the subscription that it names and to no other of the customer's."},
	{"event.timezone", "The boundaries between periods are midnights of the customer's time zone."},

	// Filters and groups.
	{"filter.match", "Usage whose properties have the values that a filter looks for is priced by the filter, and the rest of it by the charge itself."},
	{"filter.most_specific", "Usage that two filters of a charge match goes to the one that looks at more properties."},
	{"filter.all_values", "A filter may look for every value that the metric declares for a property, and takes none that it does not declare."},
	{"group.one_fee_each", "Pricing groups make one fee for each tuple of values, and one for events without the property; tiers and free units hold for each by itself."},
	{"fee.nothing_no_fee", "A charge, filter or group without units, amount and events makes no fee, unless one that makes up for a minimum hangs on it."},

	// Units of a metric.
	{"units.count", "count: the number of events."},
	{"units.sum", "sum: Σ of the values; a value that is no number counts as nothing."},
	{"units.sum_not_negative", "sum: a total below 0 is 0."},
	{"units.sum_recurring", "recurring sum: Σ of the values of all time up to the period's end, also of those before the subscription began."},
	{"units.max", "max: the highest value of the period."},
	{"units.latest", "latest: the value of the greatest timestamp, 0 where that is negative."},
	{"units.unique", "unique count: how many values were added and not removed within the period, begun with none."},
	{"units.unique_recurring", "recurring unique count: how many values were added and not removed in all time up to the period's end."},
	{"units.weighted", "weighted sum: Σ running value × the seconds that it held / (days of the whole period × 86,400 s), beginning with 0, raised to 20 decimals; in a month in which clocks change, too."},
	{"units.weighted_recurring", "recurring weighted sum: as the weighted sum, but the running value begins with what all earlier events sum to."},
	{"units.min", "min: the lowest value of the period. (Lago does not have it.)"},
	{"units.avg", "average: Σ of the values / how many there are, rounded to 20 decimals. (Lago does not have it.)"},
	{"units.percentile", "percentile p: the value at place ⌈p/100 × n⌉ of the n values in ascending order. (Lago does not have it.)"},
	{"units.rounding", "Units are rounded as the metric says (round, ceil, floor, to a number of digits, below 0 to tens and hundreds), before they are priced."},

	// Proration of quantities.
	{"prorata.sum", "prorated recurring sum: units = what there was when the period began × days of the usage period / days of the whole period + Σ value × days from the event's day to the period's end / days of the whole period."},
	{"prorata.sum_removed", "prorated recurring sum: a negative value takes off its units for the rest of the period, its own day included."},
	{"prorata.unique", "prorated recurring unique count: each member counts for the days on which it was there at any instant, over the days of the whole period."},
	{"prorata.unique_same_day", "prorated recurring unique count: a member that is removed and added again on one day has no gap, and that day counts once."},
	{"prorata.whole_period", "prorated units of a usage period that is cut short by a start or an end are divided by the days of the whole period."},
	{"prorata.ceil", "prorated units are raised to 5 decimals."},
	{"prorata.shown", "A fee of prorated units shows the full units at the period's end."},
	{"prorata.volume", "prorated volume: the tier is that of the full units, the price that of the prorated ones."},
	{"prorata.graduated", "prorated graduated: the units of each event go into tiers at the running total, each part × its own days / days of the whole period; what is removed leaves the highest tiers first."},
	{"prorata.graduated_flat", "prorated graduated: the flat amounts are those of all tiers up to the highest that the running total reached in the period, not prorated; the first is due without any units."},

	// Charge models.
	{"model.standard", "standard: units × amount."},
	{"model.graduated", "graduated: Σ over tiers of the units in the tier × its price per unit + its flat amount, up to the tier that holds the last unit."},
	{"model.graduated_zero", "graduated: the first tier's flat amount is due without any units."},
	{"model.graduated_adjacent", "graduated: tiers may also begin where the one before ends (0-10, 10-20), with the same meaning."},
	{"model.graduated_fraction", "graduated: a part of a unit is priced by the tier that it lies in."},
	{"model.package", "package: ⌈(units − free units) / size⌉ × amount."},
	{"model.package_free", "package: units up to the free ones cost nothing."},
	{"model.percentage", "percentage: (units − free units) × rate/100 + (events − free events) × fixed amount; nothing without units."},
	{"model.percentage_free_events", "percentage, N free events: the units of the first N events are free, and N times the fixed amount."},
	{"model.percentage_free_units", "percentage, T free units: up to T units are free, and the fixed amount of as many events as have running totals below T."},
	{"model.percentage_both_free", "percentage with both: of the running totals of the first N events, the free units are the last or T where that is less, the free events the fewer of N and those below T."},
	{"model.percentage_bounds", "percentage with bounds: each event after the allowance costs at least the one and at most the other bound."},
	{"model.volume", "volume: units × price per unit + flat amount of the one tier that holds all units."},
	{"model.volume_zero", "volume: the first tier's flat amount is due without any units."},
	{"model.volume_fraction", "volume: part of a unit above a tier's end belongs to the next tier."},
	{"model.graduated_percentage", "graduated percentage: Σ over tiers of the units in the tier × its rate/100 + its flat amount."},
	{"model.graduated_percentage_zero", "graduated percentage: the first tier's flat amount is due without any units."},
	{"model.dynamic", "dynamic: Σ of what the events say they cost, in cents and parts of them."},
	{"model.custom", "custom: the charge's expression over units and events_count, in currency units."},
	{"fee.rounding", "Each fee is rounded by itself, half away from zero, to the currency's digits: cents, whole yen, thousandths of a dinar."},

	// Charge minimum and pricing units.
	{"minimum.full", "charge minimum: a fee of its own follows the charge's fees, of what they lack to the minimum."},
	{"minimum.prorated", "charge minimum: in a usage period that is cut short it is round(minimum × days of the usage period / days of the whole period)."},
	{"minimum.sum", "charge minimum: the fees of all filters and groups of the charge are summed against it."},
	{"minimum.reached", "charge minimum: there is no fee for it when the charge's fees reach it."},
	{"minimum.unused", "charge minimum: it is due in full without any usage, beside a fee of 0 for the charge itself."},
	{"minimum.pricing_unit", "charge minimum of a charge in a pricing unit: it is in hundredths of the unit, reckoned against the fees in the unit, and what they lack × conversion rate is the fee."},
	{"pricing_unit.conversion", "pricing unit: the amount is reckoned in the unit, rounded to 2 digits, × conversion rate, and rounded to the currency's digits."},

	// Periods.
	{"period.calendar.weekly", "weekly by the calendar: Monday to Sunday."},
	{"period.calendar.monthly", "monthly by the calendar: the first to the last of the month."},
	{"period.calendar.quarterly", "quarterly by the calendar: from January, April, July and October."},
	{"period.calendar.semiannual", "semiannual by the calendar: from January and July."},
	{"period.calendar.yearly", "yearly by the calendar: January to December."},
	{"period.anniversary.weekly", "weekly by anniversary: from the weekday of the start."},
	{"period.anniversary.monthly", "monthly by anniversary: from the day of the month of the start."},
	{"period.anniversary.month_end", "monthly by anniversary: a day that a month lacks is its last one, and the month after has its day again (31 January, 29 February, 31 March)."},
	{"period.anniversary.quarterly", "quarterly by anniversary: every three months from the start."},
	{"period.anniversary.semiannual", "semiannual by anniversary: every six months from the start."},
	{"period.anniversary.yearly", "yearly by anniversary: from the day and month of the start."},
	{"period.anniversary.leap_day", "yearly by anniversary: from 29 February it is 28 February in years without it."},
	{"period.dst", "A local day of 23 or 25 hours is one day."},
	{"period.zone_change", "When the customer's time zone changes, the next period begins where the last one ended: no instant is billed twice or not at all."},
	{"period.backdated", "A subscription that is created with a start in the past is billed for no period that was over by then."},
	{"period.pending", "A subscription with a start in the future is billed from then on."},
	{"period.charges_monthly", "bill_charges_monthly: of a yearly or semiannual plan usage is invoiced each month, the base fee once an interval."},
	{"period.fixed_monthly", "bill_fixed_charges_monthly: of a yearly or semiannual plan fixed charges are invoiced each month."},
	{"period.ahead_and_behind", "An invoice of a plan paid in advance, at t, has the base fee of the period from t on and usage and fixed charges in arrears of the one before."},

	// Base fee.
	{"base.renewal", "A whole period costs the plan's amount."},
	{"base.first_calendar", "The first calendar period costs the plan's amount × days from the start's day to its end / days of the whole period, in arrears and in advance."},
	{"base.first_anniversary", "The first anniversary period is a whole one."},
	{"base.last", "A subscription in arrears that ends pays for the days up to the day of its end: amount × days / days of the whole period."},
	{"base.backdated_advance", "A plan paid in advance: a start on an earlier day leaves the running period unbilled, and the next one is paid whole."},
	{"base.advance_at_start", "A plan paid in advance is invoiced at the instant of the start."},
	{"base.amount_edited", "A change of the plan's amount holds for every period that is not billed yet, as a whole."},

	// Trial.
	{"trial.whole_period", "trial: a period that it covers has no base fee."},
	{"trial.arrears", "trial: the period in which it ends costs amount × days from the day of its end to the period's end / days of the whole period."},
	{"trial.advance", "trial: a plan paid in advance is not invoiced at its start, but at the instant the trial ends, for the days from that day to the period's end. (Where it ends on the day of a renewal, Lago bills both on one invoice.)"},
	{"trial.usage", "trial: usage is billed as ever."},
	{"trial.fixed", "trial: fixed charges are billed as ever."},
	{"trial.fraction", "trial: parts of a day count; it ends at the instant of the start + days × 24 h."},
	{"trial.once", "trial: it counts from the start of the first subscription with the external id."},

	// Fixed charges.
	{"fixed.arrears", "fixed charge in arrears: model(units) at the end of each period, from the first on."},
	{"fixed.advance", "fixed charge in advance: model(units at the period's beginning) at the start and with each renewal, whatever the plan's base fee does."},
	{"fixed.models", "fixed charge: standard, graduated and volume price its units."},
	{"fixed.last_units", "fixed charge, not prorated: the last units of the period count whole, also in a first period that is short."},
	{"fixed.prorated", "fixed charge in arrears, prorated: Σ of units × days that they held / days of the whole period, each rounded to 6 decimals."},
	{"fixed.advance_prorated", "fixed charge in advance, prorated: the units × days of the first period from the start on / days of the whole period."},
	{"fixed.prorated_tiers", "fixed charge, prorated, graduated or volume: the tiers are those of the last units, the units in each × prorated units / last units, the flat amounts whole."},
	{"fixed.shown", "A fee of a fixed charge shows the last units of the period, and amount / units as price of one."},
	{"fixed.next_period", "fixed charge: changed units count from the next period on."},
	{"fixed.at_once", "fixed charge: changed units count from their day on where it is asked for, and take the place of those that were to come."},

	// Commitment.
	{"commitment.true_up", "commitment: a fee makes up for what base fee, usage and fixed charges of the interval lack to it."},
	{"commitment.reached", "commitment: there is no fee for it when it is reached."},
	{"commitment.prorated", "commitment: of an interval that is cut short it is round(amount × days / days of the whole interval)."},
	{"commitment.months", "commitment of a plan with monthly usage: it is settled with the invoice of the interval's end against the sum of all months."},
	{"commitment.advance", "commitment of a plan in advance: it is settled with the next renewal, looking back, and not on a subscription's first invoice."},
	{"commitment.last", "commitment: on the last invoice of a subscription it is settled for the days that there were."},
	{"commitment.minimums", "commitment: what makes up for the minimum of a charge counts towards it, as fee of the charge."},

	// Taxes.
	{"tax.organization", "A fee for which no tax is said has those that are applied to the organization."},
	{"tax.customer", "A customer's taxes hold instead of the organization's."},
	{"tax.plan", "A plan's taxes hold for its base fee, charges, fixed charges and commitment, instead of the customer's."},
	{"tax.charge", "A charge's taxes hold for its fees, its minimum's too, instead of the plan's."},
	{"tax.fixed_charge", "A fixed charge's taxes hold for its fees instead of the plan's."},
	{"tax.commitment", "A commitment's taxes hold for its fee instead of the plan's."},
	{"tax.add_on", "An add-on's taxes hold for its fees on one-off invoices instead of the customer's."},
	{"tax.one_off", "Taxes that a one-off invoice says of a fee hold instead of all others."},
	{"tax.fee_rounding", "tax of a fee = round(base × rate / 100) for each tax, their sum = round(Σ unrounded)."},
	{"tax.invoice_rounding", "tax of an invoice = round(Σ over fees of base × rate / 100) for each tax, not the sum of the fees' rounded ones; their sum = round(Σ unrounded)."},
	{"tax.several", "Several taxes of a fee are each reckoned of its amount."},
	{"tax.edited", "A change of a tax's rate holds for every fee that is not invoiced yet; what is invoiced keeps its taxes."},
	{"tax.rate", "taxes_rate of a fee = Σ of the rates of its taxes."},

	// Invoices.
	{"invoice.order", "Of each subscription: base fee, then charges in the plan's order, each followed by what makes up for its minimum, then fixed charges, then the commitment."},
	{"invoice.sum", "Fees = Σ fees of the invoice, total = fees + taxes."},
	{"invoice.together", "All subscriptions of a customer that fall due at one instant are on one invoice."},
	{"invoice.issued", "An invoice is issued on the customer's local day on which it fell due."},
	{"invoice.one_off", "A one-off invoice bills add-ons at once: units × unit price, of the add-on where none is said; nothing else is on it."},
	{"invoice.price_edited", "A change of a charge's price holds for every period that is not billed yet, as a whole."},
	{"invoice.charge_added", "A charge that is put on a plan bills the whole of the period that is running, and one that is taken off bills nothing of it."},
	{"invoice.in_order", "A clock that is set over several periods bills each as at its own instant."},

	// Live usage.
	{"usage.taxes", "Taxes of current usage are those of an invoice with its fees alone: rounded once for each tax and over all fees."},
	{"usage.equals_invoice", "Current usage in the last instant of a period is what the period's invoice bills."},
}
