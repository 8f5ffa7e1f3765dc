package scenarios

// minimumBook is about the minimums of charges.
var minimumBook = []scenario{
	{
		name:  "a whole month",
		rules: "minimum.full invoice.order",
		buys: `
			plan monthly 0
			calls standard 0.10 min=10.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls times=32
			2024-04-10 gb n=1
			2024-05-01 clock`,
		// 10.00 − 3.20
		bills: `
			2024-05-01 1100
				calls 320 units=32
				minimum:calls 680 units=1 events=0
				gb 100`,
	},
	{
		name:  "half a month",
		rules: "minimum.prorated",
		buys: `
			plan monthly 0
			calls standard 0.10 min=10.00`,
		happens: `
			2024-04-16 subscribe
			2024-04-20 calls times=32
			2024-05-01 clock`,
		// 10.00 × 15/30 = 5.00; − 3.20
		bills: `
			2024-05-01 500
				calls 320
				minimum:calls 180`,
	},
	{
		name:  "a month that ends early",
		rules: "minimum.prorated",
		buys: `
			plan monthly 0
			calls standard 0.10 min=10.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-05 calls times=10
			2024-04-10T12:00 end`,
		// 10.00 × 10/30 = 3.33; − 1.00
		bills: `
			2024-04-10 333
				calls 100
				minimum:calls 233`,
	},
	{
		name:  "filters count together",
		rules: "minimum.sum filter.match",
		buys: `
			plan monthly 0
			calls standard 0.10 min=10.00
			when region=eu -> 0.30`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls region=eu times=10
			2024-04-10 calls region=us times=20
			2024-05-01 clock`,
		// 3.00 + 2.00 = 5.00
		bills: `
			2024-05-01 1000
				calls 300 filter=eu
				calls 200
				minimum:calls 500`,
	},
	{
		name:  "groups count together",
		rules: "minimum.sum group.one_fee_each",
		buys: `
			plan monthly 0
			calls standard 0.10 min=10.00 by=region`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls region=eu times=10
			2024-04-10 calls region=us times=20
			2024-05-01 clock`,
		// 1.00 + 2.00 = 3.00
		bills: `
			2024-05-01 1000
				calls 100 by.region=eu
				calls 200 by.region=us
				minimum:calls 700`,
	},
	{
		name:  "reached",
		rules: "minimum.reached",
		buys: `
			plan monthly 0
			calls standard 0.10 min=1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls times=10
			2024-05-10 calls times=11
			2024-06-01 clock`,
		bills: `
			2024-05-01 100
				calls 100
			2024-06-01 110
				calls 110`,
	},
	{
		name:  "nothing used",
		rules: "minimum.unused fee.nothing_no_fee",
		buys: `
			plan monthly 0
			calls standard 0.10 min=10.00`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 1000
				calls 0 units=0
				minimum:calls 1000`,
	},
	{
		name:  "in credits",
		rules: "minimum.pricing_unit minimum.prorated pricing_unit.conversion",
		buys: `
			credits cr
			plan monthly 0
			calls standard 0.10 min=10.00 unit=cr:0.5`,
		happens: `
			2024-04-16 subscribe
			2024-04-20 calls times=32
			2024-05-20 calls times=100
			2024-07-01 clock`,
		// 3.20 credits; 10.00 × 15/30 − 3.20 = 1.80; × 0.5 each. Then it is reached, and then it is due whole
		bills: `
			2024-05-01 250
				calls 160 unit_cents=320
				minimum:calls 90 unit_cents=180
			2024-06-01 500
				calls 500 unit_cents=1000
			2024-07-01 500
				calls 0
				minimum:calls 500 unit_cents=1000`,
	},
	{
		name:  "in credits of little worth, by groups",
		rules: "minimum.pricing_unit minimum.sum",
		buys: `
			credits cr
			plan monthly 0
			calls standard 1.00 min=10.00 unit=cr:0.003 by=region`,
		happens: `
			2024-04-01 subscribe
			2024-04-20 calls region=eu times=2
			2024-04-20 calls region=us times=3
			2024-05-01 clock`,
		// 2, 3 and 5 credits are 0.006, 0.009 and 0.015
		bills: `
			2024-05-01 4
				calls 1 unit_cents=200
				calls 1 unit_cents=300
				minimum:calls 2 unit_cents=500`,
	},
	{
		name:  "each month anew",
		rules: "minimum.full",
		buys: `
			plan monthly 0
			calls standard 0.10 min=1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls times=50
			2024-05-10 calls times=4
			2024-06-01 clock`,
		bills: `
			2024-05-01 500
				calls 500
			2024-06-01 100
				calls 40
				minimum:calls 60`,
	},
	{
		name:  "a short quarter",
		rules: "minimum.prorated period.calendar.quarterly",
		buys: `
			plan quarterly 0
			calls standard 0.10 min=91.00`,
		happens: `
			2024-05-02 subscribe
			2024-05-10 calls times=100
			2024-07-01 clock`,
		// 2 May to 30 June are 60 of the quarter's 91 days: 60.00; − 10.00
		bills: `
			2024-07-01 6000
				calls 1000
				minimum:calls 5000`,
	},
}
