package scenarios

// prorataBook is about recurring units that count for the days on which they are there.
var prorataBook = []scenario{
	{
		name:  "a seat that joins in mid-month",
		rules: "prorata.sum prorata.shown",
		buys: `
			plan monthly 0
			seats standard 4.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 seats n=10
			2024-04-16 seats n=1
			2024-06-01 clock`,
		// 10 + 15/30 = 10.5, × 4.00 = 42.00; in May 11 × 4.00
		bills: `
			2024-05-01 4200
				seats 4200 units=11
			2024-06-01 4400
				seats 4400 units=11`,
	},
	{
		name:  "the day counts, not its hour",
		rules: "prorata.sum",
		buys: `
			plan monthly 0
			seats standard 30.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-30T23:59 seats n=1
			2024-05-31 seats n=1
			2024-06-01 clock`,
		// 1/30 × 30.00; then 1 + 1/31 = 1.03226 (raised) × 30.00 = 30.9678
		bills: `
			2024-05-01 100
				seats 100 units=1
			2024-06-01 3097
				seats 3097 units=2`,
	},
	{
		name:  "seats that leave",
		rules: "prorata.sum_removed",
		buys: `
			plan monthly 0
			seats standard 3.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 seats n=10
			2024-04-21 seats n=-4
			2024-06-01 clock`,
		// 10 − 4 × 10/30 = 8.66667 (raised), × 3.00 = 26.00001; then 6 × 3.00
		bills: `
			2024-05-01 2600
				seats 2600 units=6
			2024-06-01 1800
				seats 1800 units=6`,
	},
	{
		name:  "seats that come late",
		rules: "prorata.sum event.late",
		buys: `
			plan monthly 0
			seats standard 30.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-16 seats n=1
			2024-05-10 clock
			2024-04-21 seats n=1
			2024-06-01 clock`,
		// 15/30; what is said in May of April is there in all of May
		bills: `
			2024-05-01 1500
				seats 1500 units=1
			2024-06-01 6000
				seats 6000 units=2`,
	},
	{
		name:  "raised to five decimals",
		rules: "prorata.ceil",
		buys: `
			plan monthly 0
			seats standard 1000.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-21 seats n=1
			2024-05-01 clock`,
		// 10/30 → 0.33334, × 1000.00
		bills: `
			2024-05-01 33334
				seats 33334 units=1`,
	},
	{
		name:  "a short first month",
		rules: "prorata.whole_period",
		buys: `
			plan monthly 0
			seats standard 3.00 prorated`,
		happens: `
			2024-04-11 subscribe
			2024-03-15 seats n=6
			2024-04-26 seats n=6
			2024-05-01 clock`,
		// 6 × 20/30 + 6 × 5/30 = 5, × 3.00
		bills: `
			2024-05-01 1500
				seats 1500 units=12`,
	},
	{
		name:  "a month that ends early",
		rules: "prorata.whole_period",
		buys: `
			plan monthly 0
			seats standard 3.00 prorated
			members standard 3.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 seats n=6
			2024-04-11 seats n=6
			2024-04-11 members n=a
			2024-04-15T12:00 end`,
		// 6 × 15/30 + 6 × 5/30 = 4, × 3.00; 5/30 → 0.16667 × 3.00 = 0.50001
		bills: `
			2024-04-15 1250
				seats 1200 units=12
				members 50 units=1`,
	},
	{
		name:  "members",
		rules: "prorata.unique",
		buys: `
			plan monthly 0
			members standard 30.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 members n=a
			2024-03-15 members n=b
			2024-04-16 members n=c
			2024-04-10 members n=b op=remove
			2024-06-01 clock`,
		// a 30, b 10 (the 10th included), c 15 of 30 days: 55/30 → 1.83334 × 30.00 = 55.0002; then a and c
		bills: `
			2024-05-01 5500
				members 5500 units=2
			2024-06-01 6000
				members 6000 units=2`,
	},
	{
		name:  "a member that is away for a day",
		rules: "prorata.unique",
		buys: `
			plan monthly 0
			members standard 30.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-01 members n=a
			2024-04-10 members n=a op=remove
			2024-04-12 members n=a
			2024-05-01 clock`,
		// 1 to 10 and 12 to 30: 29 days: 29/30 → 0.96667 × 30.00 = 29.0001
		bills: `
			2024-05-01 2900
				members 2900 units=1`,
	},
	{
		name:  "removed and added again on one day",
		rules: "prorata.unique_same_day",
		buys: `
			plan monthly 0
			members standard 30.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-01 members n=a
			2024-04-10T08:00 members n=a op=remove
			2024-04-10T18:00 members n=a
			2024-05-01 clock`,
		bills: `
			2024-05-01 3000
				members 3000 units=1`,
	},
	{
		name:  "there for an hour",
		rules: "prorata.unique",
		buys: `
			plan monthly 0
			members standard 30.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-10T08:00 members n=a
			2024-04-10T09:00 members n=a op=remove
			2024-05-01 clock`,
		// one day of 30: 0.03334 × 30.00 = 1.0002
		bills: `
			2024-05-01 100
				members 100 units=0`,
	},
	{
		name:  "volume",
		rules: "prorata.volume",
		buys: `
			plan monthly 0
			seats volume 0-10:5.00+0 11-:4.00+3 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 seats n=10
			2024-04-16 seats n=2
			2024-05-01 clock`,
		// 12 are in the second tier: (10 + 2 × 15/30) × 4.00 + 3
		bills: `
			2024-05-01 4700
				seats 4700 units=12`,
	},
	{
		name:  "graduated, units that come and go",
		rules: "prorata.graduated prorata.graduated_flat",
		buys: `
			plan monthly 0
			seats graduated 0-5:10+100 6-15:5+50 16-:2+0 prorated`,
		happens: `
			2023-09-01 subscribe
			2023-09-10 seats n=2
			2023-09-16 seats n=5
			2023-09-20 seats n=-6
			2023-09-25 seats n=10
			2023-09-26 seats n=4
			2023-09-30 seats n=60
			2023-10-17 seats n=20
			2023-11-01 clock`,
		// flat amounts 100 + 50 + 0
		// 10th, 21 days:  2 × 10 × 21/30                       = 14.00
		// 16th, 15 days:  3 × 10 × 15/30 + 2 × 5 × 15/30       = 20.00
		// 20th, 11 days: −2 × 5 × 11/30 − 4 × 10 × 11/30       = −18.3333
		// 25th,  6 days:  4 × 10 × 6/30 + 6 × 5 × 6/30         = 14.00
		// 26th,  5 days:  4 × 5 × 5/30                         = 3.3333
		// 30th,  1 day:  60 × 2 × 1/30                         = 4.00
		// October, carried: 5 × 10 + 10 × 5 + 60 × 2 + 150 = 370.00; 20 × 2 × 15/31 = 19.3548
		bills: `
			2023-10-01 18700
				seats 18700 units=75
			2023-11-01 38935
				seats 38935 units=95`,
	},
	{
		name:  "graduated, looked at on the way",
		rules: "prorata.graduated prorata.graduated_flat usage.equals_invoice",
		buys: `
			plan monthly 0
			seats graduated 0-5:10+100 6-15:5+50 16-:2+0 prorated`,
		happens: `
			2023-09-01 subscribe
			2023-09-10 seats n=2
			2023-09-10T00:01 usage 11400
			2023-09-16 seats n=5
			2023-09-16T00:01 usage 18400
			2023-09-20 seats n=-6
			2023-09-20T00:01 usage 16567
			2023-09-25 seats n=10
			2023-09-25T00:01 usage 17967
			2023-09-26 seats n=4
			2023-09-26T00:01 usage 18300
			2023-09-30 seats n=60
			2023-09-30T00:01 usage 18700
			2023-10-05 usage 37000
			2023-10-17 seats n=20
			2023-10-17T00:01 usage 38935
			2023-11-01 clock`,
		// as in the scenario above: what is there counts to the end of the period
		bills: `
			2023-10-01 18700
				seats 18700
			2023-11-01 38935
				seats 38935`,
	},
	{
		name:  "filters prorated by themselves",
		rules: "prorata.sum filter.match prorata.graduated",
		buys: `
			plan monthly 0
			seats graduated 0-5:3+0 6-:6+0 prorated
			when region=eu -> 0-1:30+0 2-:15+0`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 seats n=10
			2024-04-16 seats n=1
			2024-03-15 seats n=1 region=eu
			2024-04-21 seats n=2 region=eu
			2024-05-01 clock`,
		// eu: 30 + 2 × 15 × 10/30; the rest: 5 × 3 + 5 × 6 + 6 × 15/30
		bills: `
			2024-05-01 8800
				seats 4000 units=3
				seats 4800 units=11`,
	},
	{
		name:  "members of groups",
		rules: "prorata.unique group.one_fee_each",
		buys: `
			plan monthly 0
			members standard 30 prorated by=region`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 members n=a region=eu
			2024-04-16 members n=a region=us
			2024-04-21 members n=b region=us
			2024-05-01 clock`,
		// one a in each: 30/30; 15/30 + 10/30 → 0.83334
		bills: `
			2024-05-01 5500
				members 3000 by.region=eu
				members 2500 by.region=us`,
	},
	{
		name:  "from Tokyo to New York",
		rules: "period.zone_change prorata.sum prorata.unique fixed.prorated minimum.full",
		buys: `
			customer zone=Asia/Tokyo
			plan monthly 30.00
			seats standard 3.00 prorated
			members standard 30.00 prorated
			calls standard 1.00 min=30.00
			fixed seat standard 30.00 units=1 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 customer zone=America/New_York
			2024-03-15 seats n=10
			2024-03-31T20:00:00Z members n=a
			2024-05-01T03:59:59.999Z seats n=30
			2024-05-02T00:00:00Z clock`,
		// the period has some hours of 31 March, which are no day of it:
		// 10 + 30 × 1/30 = 11 × 3.00; a all days; the minimum and the fixed charge whole
		bills: `
			2024-05-01 15300
				base 3000
				seats 3300 units=40
				members 3000
				calls 0
				minimum:calls 3000
				fixed:seat 3000`,
	},
	{
		name:  "from New York to Tokyo",
		rules: "period.zone_change prorata.sum prorata.unique fixed.prorated minimum.full",
		buys: `
			customer zone=America/New_York
			plan monthly 30.00
			seats standard 3.00 prorated
			members standard 30.00 prorated
			calls standard 1.00 min=30.00
			fixed seat standard 30.00 units=1 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 customer zone=Asia/Tokyo
			2024-03-15 seats n=10
			2024-04-01T04:00:00Z members n=a
			2024-04-30T14:59:59.999Z seats n=30
			2024-05-02T00:00:00Z clock`,
		bills: `
			2024-05-01 15300
				base 3000
				seats 3300 units=40
				members 3000
				calls 0
				minimum:calls 3000
				fixed:seat 3000`,
	},
	{
		name:  "graduated, history from before the start",
		rules: "prorata.graduated units.sum_recurring",
		buys: `
			plan monthly 0
			seats graduated 0-5:0+0 6-:12+0 prorated`,
		happens: `
			2023-12-01 subscribe
			2023-11-07 seats n=5
			2023-11-07 seats n=5
			2024-01-06 seats n=2
			2024-02-01 clock`,
		// 5 × 12 = 60.00; then 60 + 2 × 12 × 26/31 = 80.129
		bills: `
			2024-01-01 6000
				seats 6000 units=10
			2024-02-01 8013
				seats 8013 units=12`,
	},
	{
		name:  "graduated without units",
		rules: "prorata.graduated_flat",
		buys: `
			plan monthly 0
			seats graduated 0-5:10+100 6-:5+50 prorated`,
		happens: `
			2024-04-16 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 10000
				seats 10000 units=0`,
	},
	{
		name:  "graduated, a tier left again",
		rules: "prorata.graduated_flat",
		buys: `
			plan monthly 0
			seats graduated 0-2:3+1 3-:6+10 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-01 seats n=3
			2024-04-02 seats n=-2
			2024-06-01 clock`,
		// flat 1 + 10: 3 was reached. 2 × 3 + 1 × 6 for 30 days = 12; −1 × 6 × 29/30 − 1 × 3 × 29/30 = −8.70.
		// May: 1 × 3 and the first flat alone
		bills: `
			2024-05-01 1430
				seats 1430 units=1
			2024-06-01 400
				seats 400 units=1`,
	},
	{
		name:  "members by tiers",
		rules: "prorata.graduated prorata.unique",
		buys: `
			plan monthly 0
			members graduated 0-1:30+0 2-:15+0 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-04-01 members n=a
			2024-04-16 members n=b
			2024-05-01 clock`,
		// 30 × 1 and 15 × 15/30
		bills: `
			2024-05-01 3750
				members 3750 units=2`,
	},
	{
		name:  "groups prorated by themselves",
		rules: "prorata.sum group.one_fee_each",
		buys: `
			plan monthly 0
			seats standard 3.00 prorated by=region`,
		happens: `
			2024-04-01 subscribe
			2024-03-15 seats n=10 region=eu
			2024-04-16 seats n=10 region=us
			2024-05-01 clock`,
		bills: `
			2024-05-01 4500
				seats 3000 by.region=eu
				seats 1500 by.region=us`,
	},
	{
		name:  "41 of 93",
		rules: "prorata.sum prorata.graduated prorata.volume prorata.shown",
		buys: `
			plan monthly 0
			seats standard 1 prorated
			seats graduated 0-31:1+0 32-:2+0 prorated
			seats volume 0-50:1+0 51-:2+0 prorated`,
		happens: `
			2024-03-01 subscribe
			2024-03-11T10:00 seats n=31
			2024-03-22T10:00 seats n=62
			2024-04-01 clock`,
		// 31 × 21/31 + 62 × 10/31 = 41; 21 × 1 + 20 × 2; the tier of 93: 41 × 2
		bills: `
			2024-04-01 18400
				seats 4100 units=93 events=2
				seats 6100 units=93
				seats 8200 units=93`,
	},
	{
		name:  "three members",
		rules: "prorata.unique prorata.graduated prorata.volume prorata.ceil",
		buys: `
			plan monthly 0
			members standard 31 prorated
			members graduated 0-1:31+0 2-:62+0 prorated
			members volume 0-2:31+0 3-:62+10 prorated`,
		happens: `
			2024-03-01 subscribe
			2024-03-11T10:00 members n=a
			2024-03-22T10:00 members n=b
			2024-03-22T11:00 members n=c
			2024-04-01 clock`,
		// 41/31 → 1.32259 × 31 = 41.00029; 21/31 × 31 + 20/31 × 62; 1.32259 × 62 + 10
		bills: `
			2024-04-01 19400
				members 4100 units=3
				members 6100 units=3
				members 9200 units=3`,
	},
	{
		name:  "months of a year",
		rules: "prorata.whole_period period.charges_monthly minimum.prorated",
		buys: `
			plan yearly 0 charges=monthly
			seats standard 30.00 prorated
			calls standard 1.00 min=30.00`,
		happens: `
			2024-04-16 subscribe
			2024-04-01 seats n=1
			2024-05-17 seats n=1
			2024-06-01 clock`,
		// of the month and not of the year: 15/30 and 30.00 × 15/30; 1 + 15/31 → 1.48388 × 30.00
		bills: `
			2024-05-01 3000
				seats 1500
				calls 0
				minimum:calls 1500
			2024-06-01 7452
				seats 4452
				calls 0
				minimum:calls 3000`,
	},
	{
		name:  "a quarter",
		rules: "prorata.sum period.calendar.quarterly",
		buys: `
			plan quarterly 0
			seats standard 91.00 prorated`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 seats n=1
			2024-07-01 clock`,
		// 1 May to 30 June are 61 of 91 days: 0.67033 × 91.00 = 61.00003
		bills: `
			2024-07-01 6100
				seats 6100 units=1`,
	},
	{
		name:  "a month in which clocks change",
		rules: "prorata.sum period.dst",
		buys: `
			customer zone=Europe/Berlin
			plan monthly 0
			seats standard 31.00 prorated`,
		happens: `
			2024-03-01 subscribe
			2024-03-31T00:30 seats n=1
			2024-04-01 clock`,
		// the 31st has 23 hours and is a day: 1/31 → 0.03226 × 31.00 = 1.00006
		bills: `
			2024-04-01 100
				seats 100 units=1`,
	},
}
