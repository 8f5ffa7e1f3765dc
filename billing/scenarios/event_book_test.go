package scenarios

// eventBook is about which events belong to a period.
var eventBook = []scenario{
	{
		name:  "the edges of a month",
		rules: "event.first_instant event.last_millisecond",
		buys: `
			plan monthly 0
			gb standard 1.00`,
		happens: `
			2024-04-10T09:30 subscribe
			2024-04-10T09:29:59.999 gb n=1
			2024-04-10T09:30 gb n=2
			2024-04-30T23:59:59.999 gb n=4
			2024-05-01 gb n=8
			2024-05-31T23:59:59.999 gb n=16
			2024-06-01 gb n=32
			2024-06-01 clock`,
		// 2 + 4; 8 + 16
		bills: `
			2024-05-01 600 usage_from=2024-04-10T09:30:00Z usage_to=2024-04-30T23:59:59Z
				gb 600 units=6
			2024-06-01 2400
				gb 2400 units=24`,
	},
	{
		name:  "the edges of a month in New York",
		rules: "event.timezone event.last_millisecond period.dst",
		buys: `
			customer zone=America/New_York
			plan monthly 0
			gb standard 1.00`,
		happens: `
			2024-03-01 subscribe
			2024-03-01T04:59:59.999Z gb n=1
			2024-03-01T05:00:00Z gb n=2
			2024-04-01T03:59:59.999Z gb n=4
			2024-04-01T04:00:00Z gb n=8
			2024-05-01 clock`,
		// midnight is 5 h behind UTC on 1 March, 4 h on 1 April
		bills: `
			2024-04-01 600
				gb 600 units=6 from=2024-03-01 to=2024-03-31
			2024-05-01 800
				gb 800 units=8`,
	},
	{
		name:  "the edges of a month in Kathmandu",
		rules: "event.timezone",
		buys: `
			customer zone=Asia/Kathmandu
			plan monthly 0
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-03-31T18:14:59.999Z gb n=1
			2024-03-31T18:15:00Z gb n=2
			2024-04-30T18:14:59.999Z gb n=4
			2024-04-30T18:15:00Z gb n=8
			2024-05-01 clock`,
		// 5:45 h ahead of UTC
		bills: `
			2024-05-01 600
				gb 600 units=6`,
	},
	{
		name:  "events after the end",
		rules: "event.end_of_subscription base.last",
		buys: `
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-15T11:59:59.999 gb n=1
			2024-04-15T12:00:01 gb n=2
			2024-04-15T12:00 end
			2024-06-01 clock`,
		// 15 × 1.00
		bills: `
			2024-04-15 1600 reason=subscription_terminating
				base 1500
				gb 100 units=1`,
	},
	{
		name:  "late events",
		rules: "event.late",
		buys: `
			plan monthly 0
			gb standard 1.00
			seats standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-04-10 seats n=1
			2024-05-02 clock
			2024-04-20 gb n=2
			2024-04-20 seats n=2
			2024-05-20 gb n=4
			2024-06-01 clock`,
		// what comes late is missing in April, and for ever; of seats May has 1 + 2
		bills: `
			2024-05-01 200
				gb 100 units=1
				seats 100 units=1
			2024-06-01 700
				gb 400 units=4
				seats 300 units=3`,
	},
	{
		name:  "future events",
		rules: "event.future",
		buys: `
			plan monthly 0
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-06-20 gb n=4
			2024-04-20 gb n=1
			2024-05-01 clock
			2024-07-01 clock`,
		bills: `
			2024-05-01 100
				gb 100
			2024-06-01 0
			2024-07-01 400
				gb 400`,
	},
	{
		name:  "two subscriptions of one customer",
		rules: "event.own_subscription invoice.together",
		buys: `
			plan monthly 10.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe as=one
			2024-04-01 subscribe as=two
			2024-04-10 gb n=1 sub=one
			2024-04-10 gb n=2 sub=two
			2024-04-10 gb n=4 sub=three
			2024-05-01 clock`,
		bills: `
			2024-05-01 2300
				base 1000 sub=one
				gb 100 sub=one
				base 1000 sub=two
				gb 200 sub=two`,
	},
}
