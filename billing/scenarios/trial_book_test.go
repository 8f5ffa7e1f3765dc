package scenarios

// trialBook is about trials.
var trialBook = []scenario{
	{
		name:  "a month free",
		rules: "trial.whole_period trial.usage",
		buys: `
			plan monthly 31.00 trial=30
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-06-01 clock`,
		// to 1 May 00:00
		bills: `
			2024-05-01 100
				gb 100
			2024-06-01 3100
				base 3100`,
	},
	{
		name:  "ten days free",
		rules: "trial.arrears",
		buys:  `plan monthly 30.00 trial=10`,
		happens: `
			2024-04-01 subscribe
			2024-06-01 clock`,
		// 11 to 30 April: 20 × 1.00
		bills: `
			2024-05-01 2000
				base 2000
			2024-06-01 3000
				base 3000`,
	},
	{
		name:  "ten days free from a morning on",
		rules: "trial.arrears",
		buys:  `plan monthly 30.00 trial=10`,
		happens: `
			2024-04-05T09:30 subscribe
			2024-05-01 clock`,
		// it ends on the 15th at 09:30, and that day is paid: 16 × 1.00
		bills: `
			2024-05-01 1600
				base 1600`,
	},
	{
		name:  "ten days free by anniversary",
		rules: "trial.arrears",
		buys:  `plan monthly 30.00 trial=10`,
		happens: `
			2024-04-05T09:30 subscribe anniversary
			2024-05-05 clock`,
		// 15 April to 4 May: 20 of 30 days
		bills: `
			2024-05-05 2000
				base 2000`,
	},
	{
		name:  "ten days free in advance",
		rules: "trial.advance trial.usage",
		buys: `
			plan monthly 50000.00 trial=10 advance
			calls standard 10`,
		happens: `
			2024-03-05T12:12 subscribe
			2024-03-10 calls
			2024-04-01 clock`,
		// 15 to 31 March: 50000 × 17/31 = 27419.354…
		bills: `
			2024-03-15 2741935
				base 2741935 from=2024-03-15 to=2024-03-31
			2024-04-01 5001000
				base 5000000
				calls 1000`,
	},
	{
		name:  "45 days free in advance",
		rules: "trial.advance trial.whole_period trial.usage",
		buys: `
			plan monthly 50000.00 trial=45 advance
			calls standard 10`,
		happens: `
			2024-03-05T12:12 subscribe
			2024-03-10 calls
			2024-05-01 clock`,
		// March's usage; 19 to 30 April: 50000 × 12/30; then May
		bills: `
			2024-04-01 1000
				calls 1000
			2024-04-19 2000000
				base 2000000
			2024-05-01 5000000
				base 5000000`,
	},
	{
		name:  "half a day free",
		rules: "trial.fraction trial.arrears",
		buys:  `plan monthly 30.00 trial=0.5`,
		happens: `
			2024-04-10T18:00 subscribe
			2024-05-01 clock`,
		// to the 11th 06:00: 20 days
		bills: `
			2024-05-01 2000
				base 2000`,
	},
	{
		name:  "six hours free",
		rules: "trial.fraction trial.arrears",
		buys:  `plan monthly 30.00 trial=0.25`,
		happens: `
			2024-04-10T06:00 subscribe
			2024-05-01 clock`,
		// to noon of the day, which is paid: 21 days
		bills: `
			2024-05-01 2100
				base 2100`,
	},
	{
		name:  "not free again",
		rules: "trial.once",
		buys:  `plan monthly 30.00 trial=10`,
		happens: `
			2024-04-01 subscribe
			2024-04-05T12:00 end
			2024-04-06 subscribe
			2024-05-01 clock`,
		// from 1 April on; the second is paid from the 11th on: 20 × 1.00
		bills: `
			2024-04-05 0
			2024-05-01 2000
				base 2000`,
	},
	{
		name:  "long over",
		rules: "trial.once",
		buys:  `plan monthly 30.00 trial=10 advance`,
		happens: `
			2024-01-01 subscribe
			2024-01-05T12:00 end
			2024-04-16 subscribe`,
		// paid at once: 15 × 1.00
		bills: `
			2024-01-05 0
			2024-04-16 1500
				base 1500`,
	},
	{
		name:  "ends on another day in Tokyo",
		rules: "trial.advance event.timezone",
		buys: `
			customer zone=Asia/Tokyo
			plan monthly 50000.00 trial=10 advance
			calls standard 10`,
		happens: `
			2024-03-22T18:12:00Z subscribe
			2024-03-28 calls
			2024-04-03 clock`,
		// 1 April 18:12 UTC is 2 April: 50000 × 29/30
		bills: `
			2024-04-01 1000
				calls 1000
			2024-04-02 4833333
				base 4833333`,
	},
	{
		name:  "ends on the day of a renewal",
		rules: "trial.advance",
		buys: `
			customer zone=Europe/Paris
			plan monthly 50000.00 trial=10 advance
			calls standard 10`,
		happens: `
			2024-03-22T01:12:00Z subscribe
			2024-03-23 calls
			2024-04-02 clock`,
		// 1 April 03:12: the month is paid whole
		bills: `
			2024-04-01 1000
				calls 1000
			2024-04-01 5000000
				base 5000000 from=2024-04-01`,
	},
	{
		name:  "of 24 hours each",
		rules: "trial.arrears trial.fraction period.dst",
		buys: `
			customer zone=America/New_York
			plan monthly 31.00 trial=2`,
		happens: `
			2024-03-09T23:30 subscribe
			2024-04-01 clock`,
		// 48 h later it is 12 March 00:30: 20 days
		bills: `
			2024-04-01 2000
				base 2000`,
	},
	{
		name:  "fixed charges are not free",
		rules: "trial.fixed trial.whole_period",
		buys: `
			plan monthly 30.00 trial=60
			fixed seat standard 5.00 units=2
			fixed line standard 7.00 units=1 advance`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-04-01 700
				fixed:line 700
			2024-05-01 1700
				fixed:seat 1000
				fixed:line 700`,
	},
	{
		name:  "400 days free of a year in advance",
		rules: "trial.advance trial.whole_period period.calendar.yearly",
		buys:  `plan yearly 365.00 trial=400 advance`,
		happens: `
			2024-01-01 subscribe
			2026-01-01 clock`,
		// to 4 February 2025: 331 days of the 365
		bills: `
			2025-01-01 0
			2025-02-04 33100
				base 33100 from=2025-02-04 to=2025-12-31
			2026-01-01 36500
				base 36500`,
	},
	{
		name:  "ten days free of a year in advance, usage by months",
		rules: "trial.advance period.charges_monthly trial.usage",
		buys: `
			plan yearly 365.00 trial=10 advance charges=monthly
			gb standard 1.00`,
		happens: `
			2024-03-15T09:00 subscribe anniversary
			2024-03-20 gb n=1
			2024-04-15 clock`,
		// 25 March 2024 to 14 March 2025: 355 of 365 days
		bills: `
			2024-03-25 35500
				base 35500
			2024-04-15 100
				gb 100`,
	},
	{
		name:  "from a start in the future",
		rules: "trial.advance period.pending",
		buys:  `plan monthly 30.00 trial=10 advance`,
		happens: `
			2024-03-20 subscribe from=2024-04-01
			2024-05-01 clock`,
		bills: `
			2024-04-11 2000
				base 2000
			2024-05-01 3000
				base 3000`,
	},
	{
		name:  "ended within",
		rules: "trial.whole_period base.last",
		buys: `
			plan monthly 30.00 trial=20
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-04-15T12:00 end`,
		bills: `
			2024-04-15 100
				gb 100`,
	},
	{
		name:  "ended after",
		rules: "trial.arrears base.last",
		buys:  `plan monthly 30.00 trial=10`,
		happens: `
			2024-04-01 subscribe
			2024-04-15T12:00 end`,
		// 11 to 15 April
		bills: `
			2024-04-15 500
				base 500`,
	},
}
