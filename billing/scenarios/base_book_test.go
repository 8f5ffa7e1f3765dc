package scenarios

// baseBook is about the base fee.
var baseBook = []scenario{
	{
		name:  "from the tenth",
		rules: "base.first_calendar",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-04-10T23:59:59.999 subscribe
			2024-05-01 clock`,
		// the day of the start is whole: 21 × 1.00
		bills: `
			2024-05-01 2100
				base 2100`,
	},
	{
		name:  "from the tenth, in advance",
		rules: "base.first_calendar base.advance_at_start",
		buys:  `plan monthly 30.00 advance`,
		happens: `
			2024-04-10T12:00 subscribe`,
		bills: `
			2024-04-10 2100
				base 2100`,
	},
	{
		name:  "a leap February",
		rules: "base.first_calendar",
		buys:  `plan monthly 29.00`,
		happens: `
			2024-02-10 subscribe
			2024-03-01 clock`,
		// 20 × 29.00/29
		bills: `
			2024-03-01 2000
				base 2000`,
	},
	{
		name:  "days that do not divide",
		rules: "base.first_calendar fee.rounding",
		buys:  `plan monthly 10.00`,
		happens: `
			2024-05-20 subscribe
			2024-06-01 clock`,
		// 10.00 × 12/31 = 3.870967…
		bills: `
			2024-06-01 387
				base 387`,
	},
	{
		name:  "half a cent",
		rules: "base.first_calendar fee.rounding",
		buys:  `plan monthly 10.01`,
		happens: `
			2024-04-16 subscribe
			2024-05-01 clock`,
		// 10.01 × 15/30 = 5.005
		bills: `
			2024-05-01 501
				base 501`,
	},
	{
		name:  "ended",
		rules: "base.last event.end_of_subscription",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-03-01 subscribe
			2024-04-15T12:00 end
			2024-06-01 clock`,
		// the day of the end is whole: 15 × 1.00
		bills: `
			2024-04-01 3000
				base 3000
			2024-04-15 1500 reason=subscription_terminating
				base 1500 from=2024-04-01 to=2024-04-15`,
	},
	{
		name:  "begun and ended within a month",
		rules: "base.last base.first_calendar",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-04-10 subscribe
			2024-04-19T12:00 end`,
		// 10 days
		bills: `
			2024-04-19 1000
				base 1000`,
	},
	{
		name:  "ended by anniversary",
		rules: "base.last",
		buys:  `plan monthly 31.00`,
		happens: `
			2024-01-31 subscribe anniversary
			2024-03-31 clock
			2024-04-02T10:00 end`,
		// 29 February to 30 March; then 31 March to 2 April are 3 of the 30 days to 29 April: 31.00 × 3/30
		bills: `
			2024-02-29 3100
				base 3100
			2024-03-31 3100
				base 3100
			2024-04-02 310
				base 310`,
	},
	{
		name:  "ended at midnight",
		rules: "base.last base.renewal",
		buys: `
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-30T23:59:59.999 gb n=1
			2024-05-01 end
			2024-06-01 clock`,
		// of May there is nothing
		bills: `
			2024-05-01 3100
				base 3000
				gb 100`,
	},
	{
		name:  "to end at midnight",
		rules: "base.last base.renewal",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-04-16 subscribe until=2024-05-01
			2024-06-01 clock`,
		bills: `
			2024-05-01 1500
				base 1500`,
	},
	{
		name:  "a year by months, ended",
		rules: "base.last period.charges_monthly",
		buys: `
			plan yearly 366.00 charges=monthly
			gb standard 1.00`,
		happens: `
			2024-01-01 subscribe
			2024-01-10 gb n=1
			2024-02-10 gb n=2
			2024-02-20T12:00 end
			2024-03-01 clock`,
		// 51 of 366 days
		bills: `
			2024-02-01 100
				gb 100
			2024-02-20 5300
				base 5100
				gb 200`,
	},
	{
		name:  "begun again with what is there",
		rules: "units.sum_recurring base.last",
		buys: `
			plan monthly 30.00
			seats standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-03-10 seats n=5
			2024-04-15T12:00 end
			2024-04-21 subscribe
			2024-04-18 seats n=1
			2024-05-01 clock`,
		// 15 days; then 10, and the seats of all time
		bills: `
			2024-04-15 2000
				base 1500
				seats 500
			2024-05-01 1600
				base 1000
				seats 600`,
	},
	{
		name:  "an end that was set before",
		rules: "base.last",
		buys: `
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe until=2024-04-15T12:00
			2024-04-15T11:59:59.999 gb n=1
			2024-04-15T12:00:01 gb n=2
			2024-06-01 clock`,
		bills: `
			2024-04-15 1600
				base 1500
				gb 100`,
	},
	{
		name:  "ended without an invoice",
		rules: "base.last",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-15T12:00 end skip
			2024-06-01 clock`,
		bills: ``,
	},
	{
		name:  "ended and begun again on one day",
		rules: "base.last base.first_calendar",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-15T12:00 end
			2024-04-15T13:00 subscribe
			2024-05-01 clock`,
		// the day is paid twice: 15 + 16
		bills: `
			2024-04-15 1500
				base 1500
			2024-05-01 1600
				base 1600`,
	},
	{
		name:  "ended in advance",
		rules: "period.ahead_and_behind event.end_of_subscription",
		buys: `
			plan monthly 30.00 advance
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-04-15T12:00 end
			2024-06-01 clock`,
		bills: `
			2024-04-01 3000
				base 3000
			2024-04-15 100
				gb 100`,
	},
	{
		name:  "a start in the past, in advance",
		rules: "base.backdated_advance period.backdated",
		buys: `
			plan monthly 30.00 advance
			gb standard 1.00`,
		happens: `
			2024-04-10 subscribe from=2024-02-15
			2024-04-05 gb n=1
			2024-05-01 clock`,
		// nothing of April; usage of April, and May ahead
		bills: `
			2024-05-01 3100
				base 3000 from=2024-05-01
				gb 100`,
	},
	{
		name:  "a start earlier on the day, in advance",
		rules: "base.advance_at_start",
		buys:  `plan monthly 30.00 advance`,
		happens: `
			2024-04-10T15:00 subscribe from=2024-04-10T08:00
			2024-05-01 clock`,
		bills: `
			2024-04-10 2100
				base 2100
			2024-05-01 3000
				base 3000`,
	},
	{
		name:  "by anniversary in advance",
		rules: "base.first_anniversary base.advance_at_start period.ahead_and_behind",
		buys: `
			plan monthly 30.00 advance
			gb standard 1.00`,
		happens: `
			2024-01-31T10:00 subscribe anniversary
			2024-02-10 gb n=1
			2024-02-29 clock`,
		bills: `
			2024-01-31 3000
				base 3000 from=2024-01-31 to=2024-02-28
			2024-02-29 3100
				base 3000 from=2024-02-29 to=2024-03-30
				gb 100 from=2024-01-31 to=2024-02-28`,
	},
	{
		name:  "a new amount",
		rules: "base.amount_edited",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-20 amount 45.00
			2024-05-10 amount 60.00
			2024-06-01 clock`,
		bills: `
			2024-05-01 4500
				base 4500
			2024-06-01 6000
				base 6000`,
	},
	{
		name:  "a new amount of a short month",
		rules: "base.amount_edited base.first_calendar",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-04-16 subscribe
			2024-04-30 amount 60.00
			2024-05-01 clock`,
		// 60.00 × 15/30
		bills: `
			2024-05-01 3000
				base 3000`,
	},
	{
		name:  "a new charge",
		rules: "invoice.charge_added",
		buys: `
			plan monthly 0
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-04-10 calls times=3
			2024-04-20 add calls standard 2.00
			2024-04-25 calls
			2024-05-01 clock`,
		// also what came before it
		bills: `
			2024-05-01 900
				gb 100
				calls 800`,
	},
	{
		name:  "a charge that is taken off",
		rules: "invoice.charge_added",
		buys: `
			plan monthly 0
			gb standard 1.00
			calls standard 2.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-04-10 calls times=3
			2024-05-10 calls times=3
			2024-05-20 drop calls
			2024-06-01 clock`,
		bills: `
			2024-05-01 700
				gb 100
				calls 600
			2024-06-01 0`,
	},
	{
		name:  "a new price",
		rules: "invoice.price_edited",
		buys: `
			plan monthly 0
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-04-20 reprice gb standard 3.00
			2024-04-25 gb n=1
			2024-05-01 clock`,
		// both by the new price
		bills: `
			2024-05-01 600
				gb 600`,
	},
}
