package scenarios

// invoiceBook is about invoices as a whole.
var invoiceBook = []scenario{
	{
		name:  "everything in its order",
		rules: "invoice.order",
		buys: `
			plan monthly 30.00 commitment=200.00
			gb standard 1.00 min=10.00
			calls standard 1.00
			when region=eu -> 2.00
			fixed seat standard 5.00 units=2
			fixed line standard 7.00 units=1`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls region=eu
			2024-04-10 calls
			2024-04-10 gb n=4
			2024-05-01 clock`,
		// 200 − 30 − 10 − 3 − 17
		bills: `
			2024-05-01 20000
				base 3000
				gb 400
				minimum:gb 600
				calls 200
				calls 100
				fixed:seat 1000
				fixed:line 700
				commitment 14000`,
	},
	{
		name:  "subscriptions one after the other",
		rules: "invoice.together invoice.order",
		buys: `
			plan monthly 30.00
			gb standard 1.00
			fixed seat standard 5.00 units=2
			plan monthly 10.00 code=small
			gb standard 2.00`,
		happens: `
			2024-04-01 subscribe as=one
			2024-04-01 subscribe as=two plan=small
			2024-04-10 gb n=1 sub=one
			2024-04-10 gb n=1 sub=two
			2024-05-01 clock`,
		bills: `
			2024-05-01 5300
				base 3000 sub=one
				gb 100 sub=one
				fixed:seat 1000 sub=one
				base 1000 sub=two
				gb 200 sub=two`,
	},
	{
		name:  "not at one instant",
		rules: "invoice.together",
		buys: `
			plan monthly 30.00
			plan weekly 7.00 code=weekly`,
		happens: `
			2024-04-01 subscribe as=one
			2024-04-01 subscribe as=two plan=weekly
			2024-05-01 clock`,
		bills: `
			2024-04-08 700
				base 700
			2024-04-15 700
				base 700
			2024-04-22 700
				base 700
			2024-04-29 700
				base 700
			2024-05-01 3000
				base 3000`,
	},
	{
		name:  "at one instant by chance",
		rules: "invoice.together",
		buys: `
			plan monthly 30.00
			plan weekly 7.00 code=weekly`,
		happens: `
			2024-06-24 subscribe as=one anniversary
			2024-06-24 subscribe as=two plan=weekly
			2024-06-24 subscribe as=three
			2024-07-01 clock`,
		// 1 July is a Monday; 7 of 30 days
		bills: `
			2024-07-01 1400
				base 700 sub=two
				base 700 sub=three`,
	},
	{
		name:  "in arrears and in advance together",
		rules: "invoice.together period.ahead_and_behind",
		buys: `
			plan monthly 30.00
			plan monthly 10.00 advance code=ahead`,
		happens: `
			2024-04-01 subscribe as=one
			2024-04-16 subscribe as=two plan=ahead
			2024-05-01 clock`,
		bills: `
			2024-04-16 500
				base 500 sub=two
			2024-05-01 4000
				base 3000 sub=one from=2024-04-01
				base 1000 sub=two from=2024-05-01`,
	},
	{
		name:  "one-off",
		rules: "invoice.one_off invoice.sum",
		buys: `
			add_on setup 100.00
			add_on visit 10.00`,
		happens: `
			2024-04-10 one_off setup each=70.00 and visit units=2.5 and visit each=0.01 units=3`,
		// 1 × 70; 2.5 × 10; 3 × 0.01
		bills: `
			2024-04-10 9503 type=one_off payment=pending
				add_on:setup 7000 units=1 each=70
				add_on:visit 2500 units=2.5 each=10
				add_on:visit 3 units=3`,
	},
	{
		name:  "one-off with taxes of the customer, in yen",
		rules: "invoice.one_off tax.customer tax.invoice_rounding",
		buys: `
			customer currency=JPY tax=jct
			tax jct 10
			add_on visit 15`,
		happens: `
			2024-04-10 one_off visit units=0.5 and visit units=1 and visit each=3`,
		// 7.5 → 8; 15; 3; 2.6 of tax, 0.8 → 1, 1.5 → 2, 0.3 → 0
		bills: `
			2024-04-10 29 tax=3 currency=JPY
				add_on:visit 8 tax=1
				add_on:visit 15 tax=2
				add_on:visit 3 tax=0`,
	},
	{
		name:  "one-off beside a subscription",
		rules: "invoice.one_off",
		buys: `
			add_on setup 100.00
			plan monthly 30.00 commitment=50.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 one_off setup
			2024-05-01 clock`,
		// it does not count towards the commitment
		bills: `
			2024-04-10 10000 type=one_off
				add_on:setup 10000
			2024-05-01 5000
				base 3000
				commitment 2000`,
	},
	{
		name:  "many periods at once",
		rules: "invoice.in_order",
		buys: `
			plan monthly 30.00
			seats standard 1.00`,
		happens: `
			2023-11-15 subscribe
			2023-11-20 seats n=1
			2024-01-05 seats n=1
			2024-03-05 clock`,
		// 16 of 30 days
		bills: `
			2023-12-01 1700
				base 1600
				seats 100
			2024-01-01 3100
				base 3000
				seats 100
			2024-02-01 3200
				base 3000
				seats 200
			2024-03-01 3200
				base 3000
				seats 200`,
	},
	{
		name:  "current usage is the invoice",
		rules: "usage.equals_invoice",
		buys: `
			plan monthly 30.00
			gb graduated 0-10:1.00+5 11-:0.50+2
			calls standard 0.10 by=region
			users package 3.00/2
			load standard 1.00`,
		happens: `
			2024-04-10 subscribe
			2024-04-10 gb n=15
			2024-04-12 calls region=eu times=3
			2024-04-12 calls times=4
			2024-04-13 users n=a
			2024-04-13 users n=b
			2024-04-13 users n=c
			2024-04-30T23:59:59.999 usage 2620 gb=1950 calls=70 users=600
			2024-05-01 clock`,
		// 19.50; 0.30 + 0.40; ⌈3/2⌉ × 3.00
		bills: `
			2024-05-01 4720
				base 2100
				gb 1950
				calls 40
				calls 30
				users 600`,
	},
	{
		name:  "current usage of prorated units is the invoice",
		rules: "usage.equals_invoice prorata.sum prorata.unique",
		buys: `
			plan monthly 0
			seats standard 4.00 prorated
			members standard 30.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 seats n=10
			2024-04-16 seats n=1
			2024-04-16 members n=a
			2024-04-30T23:59:59.999 usage 5700 seats=4200 members=1500
			2024-05-01 clock`,
		bills: `
			2024-05-01 5700
				seats 4200
				members 1500`,
	},
	{
		name:  "current usage of percentages is the invoice",
		rules: "usage.equals_invoice model.percentage_both_free model.percentage_bounds",
		buys: `
			plan monthly 0
			gb percentage 2 fixed=0.50 free_events=3 free_units=100
			calls percentage 1 low=0.30 high=5
			peak custom units*2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=40
			2024-04-11 gb n=30
			2024-04-12 gb n=60
			2024-04-13 gb n=70
			2024-04-13 calls times=2
			2024-04-13 peak n=4
			2024-04-30T23:59:59.999 usage 1160 gb=300 calls=60 peak=800
			2024-05-01 clock`,
		bills: `
			2024-05-01 1160
				gb 300
				calls 60
				peak 800`,
	},
}
