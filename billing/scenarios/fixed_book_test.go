package scenarios

// fixedBook is about fixed charges.
var fixedBook = []scenario{
	{
		name:  "in arrears",
		rules: "fixed.arrears",
		buys: `
			plan monthly 30.00
			fixed seat standard 5.00 units=10`,
		happens: `
			2024-04-01 subscribe
			2024-06-01 clock`,
		bills: `
			2024-05-01 8000
				base 3000
				fixed:seat 5000 units=10 from=2024-04-01 to=2024-04-30
			2024-06-01 8000
				base 3000
				fixed:seat 5000`,
	},
	{
		name:  "a short month",
		rules: "fixed.last_units fixed.arrears",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10`,
		happens: `
			2024-04-16 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 5000
				fixed:seat 5000`,
	},
	{
		name:  "a short month, prorated",
		rules: "fixed.prorated",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10 prorated`,
		happens: `
			2024-04-16 subscribe
			2024-06-01 clock`,
		// 10 × 15/30 × 5.00
		bills: `
			2024-05-01 2500
				fixed:seat 2500
			2024-06-01 5000
				fixed:seat 5000`,
	},
	{
		name:  "each part rounded to six decimals",
		rules: "fixed.prorated fixed.at_once",
		buys: `
			plan monthly 0
			fixed seat standard 1000000 units=1 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-11 units seat 4 now
			2024-04-21 units seat 7 now
			2024-05-01 clock`,
		// 0.333333 + 1.333333 + 2.333333
		bills: `
			2024-05-01 399999900
				fixed:seat 399999900`,
	},
	{
		name:  "rounded to six decimals",
		rules: "fixed.prorated",
		buys: `
			plan monthly 0
			fixed seat standard 1000000 units=1 prorated`,
		happens: `
			2024-04-21 subscribe
			2024-05-01 clock`,
		// 10/30 = 0.333333
		bills: `
			2024-05-01 33333300
				fixed:seat 33333300`,
	},
	{
		name:  "in advance",
		rules: "fixed.advance period.ahead_and_behind",
		buys: `
			plan monthly 30.00
			gb standard 1.00
			fixed seat standard 5.00 units=10 advance`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-05-01 clock`,
		// the base fee is in arrears
		bills: `
			2024-04-01 5000 reason=subscription_starting
				fixed:seat 5000 from=2024-04-01 to=2024-04-30 advance=true
			2024-05-01 8100
				base 3000 from=2024-04-01 to=2024-04-30
				gb 100
				fixed:seat 5000 from=2024-05-01 to=2024-05-31`,
	},
	{
		name:  "all in advance",
		rules: "fixed.advance base.advance_at_start",
		buys: `
			plan monthly 30.00 advance
			fixed seat standard 5.00 units=10 advance
			fixed line standard 2.00 units=1`,
		happens: `
			2024-04-16 subscribe
			2024-05-01 clock`,
		// the units are not prorated, the base fee is
		bills: `
			2024-04-16 6500
				base 1500
				fixed:seat 5000
			2024-05-01 8200
				base 3000
				fixed:seat 5000 from=2024-05-01
				fixed:line 200 from=2024-04-16 to=2024-04-30`,
	},
	{
		name:  "a short month in advance, prorated",
		rules: "fixed.advance_prorated",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10 advance prorated`,
		happens: `
			2024-04-16 subscribe
			2024-05-01 clock`,
		// 10 × 15/30 × 5.00
		bills: `
			2024-04-16 2500
				fixed:seat 2500
			2024-05-01 5000
				fixed:seat 5000`,
	},
	{
		name:  "tiers",
		rules: "fixed.models",
		buys: `
			plan monthly 0
			fixed seat graduated 0-10:5.00+1 11-:3.00+2 units=15
			fixed line volume 0-10:5.00+0 11-:3.00+2 units=15`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		// 50 + 1 + 15 + 2; 45 + 2
		bills: `
			2024-05-01 11500
				fixed:seat 6800 units=15
				fixed:line 4700 units=15`,
	},
	{
		name:  "parts of a unit",
		rules: "fixed.arrears",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=2.5`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 1250
				fixed:seat 1250 units=2.5`,
	},
	{
		name:  "more units from the next month on",
		rules: "fixed.next_period",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10`,
		happens: `
			2024-04-01 subscribe
			2024-04-21 units seat 12
			2024-06-01 clock`,
		bills: `
			2024-05-01 5000
				fixed:seat 5000 units=10
			2024-06-01 6000
				fixed:seat 6000 units=12`,
	},
	{
		name:  "more units from the next month on, prorated",
		rules: "fixed.next_period fixed.prorated",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-21 units seat 12
			2024-06-01 clock`,
		bills: `
			2024-05-01 5000
				fixed:seat 5000
			2024-06-01 6000
				fixed:seat 6000`,
	},
	{
		name:  "more units at once",
		rules: "fixed.at_once fixed.last_units",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10`,
		happens: `
			2024-04-01 subscribe
			2024-04-21 units seat 12 now
			2024-05-01 clock`,
		bills: `
			2024-05-01 6000
				fixed:seat 6000 units=12`,
	},
	{
		name:  "more units at once, prorated",
		rules: "fixed.at_once fixed.prorated",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-21T15:00 units seat 12 now
			2024-05-01 clock`,
		// 10 × 20/30 + 12 × 10/30 = 10.666667, × 5.00 = 53.333335
		bills: `
			2024-05-01 5333
				fixed:seat 5333`,
	},
	{
		name:  "fewer units at once, prorated",
		rules: "fixed.at_once fixed.prorated",
		buys: `
			plan monthly 0
			fixed seat standard 3.00 units=10 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-11 units seat 4 now
			2024-06-01 clock`,
		// 10 × 10/30 + 4 × 20/30 = 6, × 3.00; then 4 × 3.00
		bills: `
			2024-05-01 1800
				fixed:seat 1800
			2024-06-01 1200
				fixed:seat 1200`,
	},
	{
		name:  "units set before the start",
		rules: "fixed.next_period",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10`,
		happens: `
			2024-03-01 clock
			2024-03-15 units seat 3
			2024-04-10 subscribe
			2024-05-01 clock`,
		// for whoever starts later they count from the start
		bills: `
			2024-05-01 1500
				fixed:seat 1500 units=3`,
	},
	{
		name:  "more units of what is paid ahead",
		rules: "fixed.next_period fixed.advance",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10 advance`,
		happens: `
			2024-04-01 subscribe
			2024-04-21 units seat 12
			2024-05-01 clock`,
		bills: `
			2024-04-01 5000
				fixed:seat 5000
			2024-05-01 6000
				fixed:seat 6000`,
	},
	{
		name:  "ended",
		rules: "fixed.prorated fixed.last_units base.last",
		buys: `
			plan monthly 30.00
			fixed seat standard 5.00 units=10 prorated
			fixed line standard 5.00 units=10`,
		happens: `
			2024-04-01 subscribe
			2024-04-15T12:00 end`,
		// 15 × 1.00; 10 × 15/30 × 5.00; 10 × 5.00
		bills: `
			2024-04-15 9000
				base 1500
				fixed:seat 2500
				fixed:line 5000`,
	},
	{
		name:  "ended, paid ahead",
		rules: "fixed.advance base.last",
		buys: `
			plan monthly 30.00
			fixed seat standard 5.00 units=10 advance prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-15T12:00 end
			2024-06-01 clock`,
		// nothing is given back
		bills: `
			2024-04-01 5000
				fixed:seat 5000
			2024-04-15 1500
				base 1500`,
	},
	{
		name:  "months of a year, begun within one",
		rules: "fixed.prorated fixed.advance_prorated period.fixed_monthly",
		buys: `
			plan yearly 0 fixed=monthly
			fixed seat standard 30.00 units=1 prorated
			fixed line standard 30.00 units=1 prorated advance`,
		happens: `
			2024-04-16 subscribe
			2024-06-01 clock`,
		// 15/30 of the month
		bills: `
			2024-04-16 1500
				fixed:line 1500
			2024-05-01 4500
				fixed:seat 1500
				fixed:line 3000
			2024-06-01 6000
				fixed:seat 3000
				fixed:line 3000`,
	},
	{
		name:  "weeks",
		rules: "fixed.prorated period.calendar.weekly",
		buys: `
			plan weekly 0
			fixed seat standard 7.00 units=1 prorated`,
		happens: `
			2024-04-10 subscribe            # a Wednesday
			2024-04-22 clock`,
		bills: `
			2024-04-15 500
				fixed:seat 500
			2024-04-22 700
				fixed:seat 700`,
	},
	{
		name:  "a quarter",
		rules: "fixed.prorated period.calendar.quarterly",
		buys: `
			plan quarterly 0
			fixed seat standard 91.00 units=1 prorated`,
		happens: `
			2024-05-02 subscribe
			2024-07-01 clock`,
		// 60/91 = 0.659341, × 91.00 = 60.000031
		bills: `
			2024-07-01 6000
				fixed:seat 6000`,
	},
	{
		name:  "half a month of everything",
		rules: "fixed.models fixed.prorated fixed.advance_prorated fixed.last_units fixed.prorated_tiers fixed.shown",
		buys: `
			plan monthly 0
			fixed a standard 100 units=40 prorated
			fixed b standard 100 units=40 prorated advance
			fixed c standard 100 units=40 advance
			fixed d graduated 0-30:10+100 31-:5+50 units=40
			fixed e graduated 0-30:10+100 31-:5+50 units=40 prorated
			fixed f volume 0-30:10+100 31-:6+200 units=40
			fixed g volume 0-30:10+100 31-:6+200 units=40 prorated`,
		happens: `
			2024-04-16 subscribe
			2024-05-01 clock`,
		// a, b: 20 × 100, shown as 40 at 50; c: 40 × 100
		// d: 30 × 10 + 100 + 10 × 5 + 50; e: half of 350, and the flat amounts whole
		// f: 40 × 6 + 200; g: the tier of 40, 20 × 6 + 200
		bills: `
			2024-04-16 600000
				fixed:b 200000 units=40 each=50
				fixed:c 400000 units=40 each=100
			2024-05-01 1158500
				fixed:a 200000 units=40 each=50
				fixed:b 400000 units=40 each=100
				fixed:c 400000
				fixed:d 50000 units=40 each=12.5
				fixed:e 32500 units=40 each=8.125
				fixed:f 44000 units=40 each=11
				fixed:g 32000 units=40 each=8`,
	},
	{
		name:  "more units in mid-month, prorated",
		rules: "fixed.at_once fixed.prorated fixed.shown",
		buys: `
			plan monthly 0
			fixed seat standard 100 units=10 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-16 units seat 25 now
			2024-05-01 clock`,
		// (10 + 25)/2 × 100 = 1750, shown as 25 at 70
		bills: `
			2024-05-01 175000
				fixed:seat 175000 units=25 each=70`,
	},
	{
		name:  "fewer units in mid-month",
		rules: "fixed.at_once fixed.last_units",
		buys: `
			plan monthly 0
			fixed seat standard 100 units=10`,
		happens: `
			2024-04-01 subscribe
			2024-04-16 units seat 4 now
			2024-05-01 clock`,
		// the last and not the most
		bills: `
			2024-05-01 40000
				fixed:seat 40000 units=4`,
	},
	{
		name:  "fewer units in mid-month, by volume",
		rules: "fixed.prorated_tiers fixed.at_once",
		buys: `
			plan monthly 0
			fixed seat volume 0-30:10+100 31-:6+200 units=60 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-16 units seat 10 now
			2024-05-01 clock`,
		// (60 + 10)/2 = 35 by the tier of the 10 at the end: 35 × 10 + 100
		bills: `
			2024-05-01 45000
				fixed:seat 45000 units=10`,
	},
	{
		name:  "twice on a day",
		rules: "fixed.at_once fixed.prorated",
		buys: `
			plan monthly 0
			fixed seat standard 30.00 units=10 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-16T09:00 units seat 100 now
			2024-04-16T18:00 units seat 20 now
			2024-05-01 clock`,
		// a day has the units at its end: 10 × 15/30 + 20 × 15/30
		bills: `
			2024-05-01 45000
				fixed:seat 45000 units=20`,
	},
	{
		name:  "at once, after what was to come",
		rules: "fixed.at_once fixed.next_period",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10`,
		happens: `
			2024-04-01 subscribe
			2024-04-21 units seat 12
			2024-04-25 units seat 8 now
			2024-06-01 clock`,
		// what is said last holds
		bills: `
			2024-05-01 4000
				fixed:seat 4000
			2024-06-01 4000
				fixed:seat 4000`,
	},
	{
		name:  "twice for the next month",
		rules: "fixed.next_period",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=10
			fixed line standard 5.00 units=10 advance`,
		happens: `
			2024-04-01 subscribe
			2024-04-21 units seat 12
			2024-04-21 units line 12
			2024-04-25 units seat 8
			2024-04-25 units line 8
			2024-06-01 clock`,
		bills: `
			2024-04-01 5000
				fixed:line 5000
			2024-05-01 9000
				fixed:seat 5000
				fixed:line 4000
			2024-06-01 8000
				fixed:seat 4000
				fixed:line 4000`,
	},
	{
		name:  "a start in the past",
		rules: "period.backdated fixed.advance fixed.arrears",
		buys: `
			plan monthly 30.00
			fixed seat standard 5.00 units=2 prorated
			fixed line standard 7.00 units=1 advance`,
		happens: `
			2024-04-10 subscribe from=2024-02-15
			2024-05-01 clock`,
		// April whole in arrears; ahead from May on
		bills: `
			2024-05-01 4700
				base 3000
				fixed:seat 1000
				fixed:line 700 from=2024-05-01`,
	},
	{
		name:  "another customer's zone",
		rules: "fixed.at_once fixed.prorated event.timezone",
		buys: `
			customer zone=Asia/Tokyo
			plan monthly 0
			fixed seat standard 30.00 units=1 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-15T15:00:00Z units seat 2 now
			2024-05-02 clock`,
		// there it is the 16th: 1 × 15/30 + 2 × 15/30
		bills: `
			2024-05-01 4500
				fixed:seat 4500`,
	},
	{
		name:  "by anniversary",
		rules: "fixed.arrears fixed.advance period.anniversary.monthly",
		buys: `
			plan monthly 0
			fixed seat standard 5.00 units=2
			fixed line standard 7.00 units=1 advance prorated`,
		happens: `
			2024-01-31T10:00 subscribe anniversary
			2024-02-29 clock`,
		bills: `
			2024-01-31 700
				fixed:line 700
			2024-02-29 1700
				fixed:seat 1000
				fixed:line 700`,
	},
}
