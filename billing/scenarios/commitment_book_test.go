package scenarios

// commitmentBook is about minimum commitments.
var commitmentBook = []scenario{
	{
		name:  "made up for",
		rules: "commitment.true_up invoice.order",
		buys: `
			plan monthly 30.00 commitment=100.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=45
			2024-05-01 clock`,
		// 100.00 − 30.00 − 45.00
		bills: `
			2024-05-01 10000
				base 3000
				gb 4500
				commitment 2500`,
	},
	{
		name:  "reached",
		rules: "commitment.reached",
		buys: `
			plan monthly 30.00 commitment=100.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=70
			2024-05-10 gb n=71
			2024-06-01 clock`,
		bills: `
			2024-05-01 10000
				base 3000
				gb 7000
			2024-06-01 10100
				base 3000
				gb 7100`,
	},
	{
		name:  "all fees count",
		rules: "commitment.minimums commitment.true_up invoice.order minimum.full",
		buys: `
			plan monthly 30.00 commitment=100.00
			gb standard 1.00 min=20.00
			fixed seat standard 5.00 units=2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=5
			2024-05-01 clock`,
		// 100 − 30 − 5 − 15 − 10
		bills: `
			2024-05-01 10000
				base 3000
				gb 500
				minimum:gb 1500
				fixed:seat 1000
				commitment 4000`,
	},
	{
		name:  "a short week",
		rules: "commitment.prorated period.calendar.weekly",
		buys:  `plan weekly 1000.00 commitment=10000.00`,
		happens: `
			2023-02-01 subscribe            # a Wednesday
			2023-02-06 clock`,
		// 10000 × 5/7 = 7142.86; − 714.29
		bills: `
			2023-02-06 714286
				base 71429
				commitment 642857`,
	},
	{
		name:  "a short month",
		rules: "commitment.prorated",
		buys:  `plan monthly 1000.00 commitment=10000.00`,
		happens: `
			2023-02-04 subscribe
			2023-03-01 clock`,
		// 10000 × 25/28 = 8928.57; − 892.86
		bills: `
			2023-03-01 892857
				base 89286
				commitment 803571`,
	},
	{
		name:  "a whole month by anniversary",
		rules: "commitment.true_up period.anniversary.monthly",
		buys:  `plan monthly 1000.00 commitment=10000.00`,
		happens: `
			2023-02-04 subscribe anniversary
			2023-03-04 clock`,
		bills: `
			2023-03-04 1000000
				base 100000
				commitment 900000`,
	},
	{
		name:  "a short quarter",
		rules: "commitment.prorated period.calendar.quarterly",
		buys:  `plan quarterly 1000.00 commitment=10000.00`,
		happens: `
			2023-02-04 subscribe
			2023-04-01 clock`,
		// 56 of 90 days: 6222.22 − 622.22
		bills: `
			2023-04-01 622222
				base 62222
				commitment 560000`,
	},
	{
		name:  "a short year",
		rules: "commitment.prorated period.calendar.yearly",
		buys:  `plan yearly 1000.00 commitment=10000.00`,
		happens: `
			2022-02-01 subscribe
			2023-01-01 clock`,
		// 334 of 365 days: 9150.68 − 915.07
		bills: `
			2023-01-01 915068
				base 91507
				commitment 823561`,
	},
	{
		name:  "a year by months",
		rules: "commitment.months period.charges_monthly",
		buys: `
			plan yearly 100.00 charges=monthly commitment=1000.00
			gb standard 1.00`,
		happens: `
			2024-07-01 subscribe anniversary
			2024-07-10 gb n=50
			2024-12-31 gb n=30
			2025-06-30 gb n=7
			2025-07-01 clock`,
		// 1000 − 100 − 50 − 30 − 7
		bills: `
			2024-08-01 5000
				gb 5000
			2024-09-01 0
			2024-10-01 0
			2024-11-01 0
			2024-12-01 0
			2025-01-01 3000
				gb 3000
			2025-02-01 0
			2025-03-01 0
			2025-04-01 0
			2025-05-01 0
			2025-06-01 0
			2025-07-01 92000
				base 10000
				gb 700
				commitment 81300`,
	},
	{
		name:  "in advance, looking back",
		rules: "commitment.advance",
		buys: `
			plan monthly 30.00 advance commitment=100.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=20
			2024-06-01 clock`,
		// April: 100 − 30 − 20; May: 100 − 30
		bills: `
			2024-04-01 3000
				base 3000
			2024-05-01 10000
				base 3000 from=2024-05-01
				gb 2000
				commitment 5000
			2024-06-01 10000
				base 3000
				commitment 7000`,
	},
	{
		name:  "weeks in advance, ended",
		rules: "commitment.advance commitment.last commitment.prorated",
		buys:  `plan weekly 1000.00 advance commitment=10000.00`,
		happens: `
			2023-02-01 subscribe            # a Wednesday
			2023-02-15T10:00 end`,
		// 5/7: 7142.86 − 714.29; 10000 − 1000; 3/7: 4285.71 − 1000
		bills: `
			2023-02-01 71429
				base 71429
			2023-02-06 742857
				base 100000
				commitment 642857
			2023-02-13 1000000
				base 100000
				commitment 900000
			2023-02-15 328571
				commitment 328571`,
	},
	{
		name:  "ended in arrears",
		rules: "commitment.last commitment.prorated base.last",
		buys: `
			plan monthly 30.00 commitment=100.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=5
			2024-04-15T12:00 end`,
		// 50 − 15 − 5
		bills: `
			2024-04-15 5000
				base 1500
				gb 500
				commitment 3000`,
	},
	{
		name:  "with a trial in advance",
		rules: "commitment.advance trial.advance",
		buys: `
			plan monthly 50000.00 trial=45 advance commitment=100000.00
			calls standard 10`,
		happens: `
			2024-03-05T12:12 subscribe
			2024-03-10 calls
			2024-04-10 calls
			2024-05-01 clock`,
		// nothing is settled with the first invoice; April: 100000 − 20000 − 10, though it was free for 18 days
		bills: `
			2024-04-01 1000
				calls 1000
			2024-04-19 2000000
				base 2000000
			2024-05-01 13000000
				base 5000000
				calls 1000
				commitment 7999000`,
	},
	{
		name:  "a start in the past",
		rules: "commitment.true_up period.backdated",
		buys: `
			plan monthly 30.00 commitment=100.00
			gb standard 1.00`,
		happens: `
			2024-04-10 subscribe from=2024-02-15
			2024-04-20 gb n=5
			2024-05-01 clock`,
		// April is a whole month
		bills: `
			2024-05-01 10000
				base 3000
				gb 500
				commitment 6500`,
	},
	{
		name:  "a start in the past, in advance",
		rules: "commitment.advance period.backdated",
		buys: `
			plan monthly 30.00 advance commitment=100.00
			gb standard 1.00`,
		happens: `
			2024-04-10 subscribe from=2024-02-15
			2024-04-20 gb n=5
			2024-06-01 clock`,
		// nothing is settled with the first invoice; May: 100 − 30
		bills: `
			2024-05-01 3500
				base 3000
				gb 500
			2024-06-01 10000
				base 3000
				commitment 7000`,
	},
	{
		name:  "of each subscription by itself",
		rules: "commitment.true_up invoice.together",
		buys: `
			plan monthly 30.00 commitment=100.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe as=one
			2024-04-16 subscribe as=two
			2024-04-20 gb n=80 sub=one
			2024-04-20 gb n=5 sub=two
			2024-05-01 clock`,
		// 110 of 100; 50 − 15 − 5
		bills: `
			2024-05-01 16000
				base 3000
				gb 8000
				base 1500
				gb 500
				commitment 3000 sub=two`,
	},
	{
		name:  "thousandths",
		rules: "commitment.prorated fee.rounding",
		buys: `
			customer currency=BHD
			plan monthly 1.000 commitment=10.000`,
		happens: `
			2024-05-21 subscribe
			2024-06-01 clock`,
		// 11/31: 3.548…, 0.354…
		bills: `
			2024-06-01 3548
				base 355
				commitment 3193`,
	},
	{
		name:  "a year by months, ended",
		rules: "commitment.months commitment.last commitment.prorated base.last period.charges_monthly",
		buys: `
			plan yearly 366.00 charges=monthly commitment=3660.00
			gb standard 1.00`,
		happens: `
			2024-01-01 subscribe
			2024-01-10 gb n=10
			2024-02-10 gb n=20
			2024-03-10 gb n=30
			2024-03-15T12:00 end`,
		// 75 of 366 days: 750 − 75 − 10 − 20 − 30
		bills: `
			2024-02-01 1000
				gb 1000
			2024-03-01 2000
				gb 2000
			2024-03-15 72000
				base 7500
				gb 3000
				commitment 61500`,
	},
	{
		name:  "fixed charges paid ahead count where they were paid for",
		rules: "commitment.true_up fixed.advance",
		buys: `
			plan monthly 30.00 commitment=100.00
			fixed seat standard 5.00 units=2 advance`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		// April: base 30, and 10 that were paid on the 1st; May's 10 do not count
		bills: `
			2024-04-01 1000
				fixed:seat 1000
			2024-05-01 10000
				base 3000
				fixed:seat 1000
				commitment 6000`,
	},
}
