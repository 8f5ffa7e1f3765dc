package scenarios

// periodBook is about where periods begin and end.
var periodBook = []scenario{
	{
		name:  "weeks",
		rules: "period.calendar.weekly base.first_calendar base.renewal",
		buys: `
			plan weekly 7.00
			gb standard 1.00`,
		happens: `
			2024-04-10T09:30 subscribe            # a Wednesday
			2024-04-14T23:59:59.999 gb n=1
			2024-04-15 gb n=2
			2024-04-22 clock`,
		// 5 of 7 days to Sunday
		bills: `
			2024-04-15 600
				base 500 from=2024-04-10 to=2024-04-14
				gb 100
			2024-04-22 900
				base 700 from=2024-04-15 to=2024-04-21
				gb 200`,
	},
	{
		name:  "weeks by anniversary",
		rules: "period.anniversary.weekly base.first_anniversary",
		buys: `
			plan weekly 7.00
			gb standard 1.00`,
		happens: `
			2024-04-10T09:30 subscribe anniversary
			2024-04-16T23:59:59.999 gb n=1
			2024-04-17 gb n=2
			2024-04-24 clock`,
		bills: `
			2024-04-17 800
				base 700 from=2024-04-10 to=2024-04-16
				gb 100
			2024-04-24 900
				base 700 from=2024-04-17 to=2024-04-23
				gb 200`,
	},
	{
		name:  "months",
		rules: "period.calendar.monthly base.first_calendar base.renewal invoice.in_order",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-04-10 subscribe
			2024-07-01 clock`,
		// 21 of 30 days
		bills: `
			2024-05-01 2100
				base 2100 from=2024-04-10 to=2024-04-30 units=1
			2024-06-01 3000
				base 3000 from=2024-05-01 to=2024-05-31
			2024-07-01 3000
				base 3000 from=2024-06-01 to=2024-06-30`,
	},
	{
		name:  "months by anniversary",
		rules: "period.anniversary.monthly base.first_anniversary",
		buys: `
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-10T09:30 subscribe anniversary
			2024-05-09T23:59:59.999 gb n=1
			2024-05-10 gb n=2
			2024-06-10 clock`,
		bills: `
			2024-05-10 3100
				base 3000 from=2024-04-10 to=2024-05-09
				gb 100
			2024-06-10 3200
				base 3000 from=2024-05-10 to=2024-06-09
				gb 200`,
	},
	{
		name:  "from the 31st in a leap year",
		rules: "period.anniversary.month_end",
		buys:  `plan monthly 30.00`,
		happens: `
			2024-01-31 subscribe anniversary
			2024-06-01 clock`,
		bills: `
			2024-02-29 3000
				base 3000 from=2024-01-31 to=2024-02-28
			2024-03-31 3000
				base 3000 from=2024-02-29 to=2024-03-30
			2024-04-30 3000
				base 3000 from=2024-03-31 to=2024-04-29
			2024-05-31 3000
				base 3000 from=2024-04-30 to=2024-05-30`,
	},
	{
		name:  "from the 31st in another year",
		rules: "period.anniversary.month_end",
		buys: `
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2023-01-31T18:00 subscribe anniversary
			2023-02-27T23:59:59.999 gb n=1
			2023-02-28 gb n=2
			2023-03-30T23:59:59.999 gb n=4
			2023-03-31 clock`,
		bills: `
			2023-02-28 3100
				base 3000
				gb 100
			2023-03-31 3600
				base 3000
				gb 600`,
	},
	{
		name:  "from the 30th",
		rules: "period.anniversary.month_end",
		buys:  `plan monthly 30.00`,
		happens: `
			2023-12-30 subscribe anniversary
			2024-04-01 clock`,
		bills: `
			2024-01-30 3000
				base 3000
			2024-02-29 3000
				base 3000
			2024-03-30 3000
				base 3000`,
	},
	{
		name:  "quarters",
		rules: "period.calendar.quarterly base.first_calendar",
		buys:  `plan quarterly 91.00`,
		happens: `
			2024-05-02 subscribe
			2024-10-01 clock`,
		// 30 + 30 of 91 days
		bills: `
			2024-07-01 6000
				base 6000 from=2024-05-02 to=2024-06-30
			2024-10-01 9100
				base 9100 from=2024-07-01 to=2024-09-30`,
	},
	{
		name:  "quarters by anniversary",
		rules: "period.anniversary.quarterly period.anniversary.month_end",
		buys:  `plan quarterly 90.00`,
		happens: `
			2024-01-31 subscribe anniversary
			2024-11-01 clock`,
		bills: `
			2024-04-30 9000
				base 9000 from=2024-01-31 to=2024-04-29
			2024-07-31 9000
				base 9000 from=2024-04-30 to=2024-07-30
			2024-10-31 9000
				base 9000 from=2024-07-31 to=2024-10-30`,
	},
	{
		name:  "half years",
		rules: "period.calendar.semiannual base.first_calendar",
		buys:  `plan semiannual 182.00`,
		happens: `
			2024-05-02 subscribe
			2025-01-01 clock`,
		// 60 of 182 days (31 + 29 + 31 + 30 + 31 + 30)
		bills: `
			2024-07-01 6000
				base 6000
			2025-01-01 18200
				base 18200 from=2024-07-01 to=2024-12-31`,
	},
	{
		name:  "half years by anniversary",
		rules: "period.anniversary.semiannual",
		buys:  `plan semiannual 182.00`,
		happens: `
			2023-08-31 subscribe anniversary
			2024-09-01 clock`,
		bills: `
			2024-02-29 18200
				base 18200 from=2023-08-31 to=2024-02-28
			2024-08-31 18200
				base 18200 from=2024-02-29 to=2024-08-30`,
	},
	{
		name:  "years",
		rules: "period.calendar.yearly base.first_calendar",
		buys:  `plan yearly 366.00`,
		happens: `
			2024-11-02 subscribe
			2026-01-01 clock`,
		// 29 + 31 of 366 days
		bills: `
			2025-01-01 6000
				base 6000 from=2024-11-02 to=2024-12-31
			2026-01-01 36600
				base 36600 from=2025-01-01 to=2025-12-31`,
	},
	{
		name:  "years by anniversary",
		rules: "period.anniversary.yearly base.first_anniversary",
		buys: `
			plan yearly 366.00
			gb standard 1.00`,
		happens: `
			2023-03-15T10:00 subscribe anniversary
			2024-03-14T23:59:59.999 gb n=1
			2024-03-15 gb n=2
			2025-03-15 clock`,
		bills: `
			2024-03-15 36700
				base 36600 from=2023-03-15 to=2024-03-14
				gb 100
			2025-03-15 36800
				base 36600
				gb 200`,
	},
	{
		name:  "years from a leap day",
		rules: "period.anniversary.leap_day",
		buys:  `plan yearly 100.00`,
		happens: `
			2024-02-29 subscribe anniversary
			2028-03-01 clock`,
		bills: `
			2025-02-28 10000
				base 10000 from=2024-02-29 to=2025-02-27
			2026-02-28 10000
				base 10000
			2027-02-28 10000
				base 10000
			2028-02-29 10000
				base 10000 from=2027-02-28 to=2028-02-28`,
	},
	{
		name:  "March in New York",
		rules: "period.dst event.timezone invoice.issued",
		buys: `
			customer zone=America/New_York
			plan monthly 31.00
			gb standard 1.00`,
		happens: `
			2024-03-10 subscribe
			2024-03-10T12:00 gb n=1
			2024-04-02 clock`,
		// the 10th has 23 hours: 22 of 31 days
		bills: `
			2024-04-01 2300 usage_from=2024-03-10T05:00:00Z usage_to=2024-04-01T03:59:59Z
				base 2200
				gb 100`,
	},
	{
		name:  "November in New York",
		rules: "period.dst",
		buys: `
			customer zone=America/New_York
			plan monthly 30.00`,
		happens: `
			2024-11-03 subscribe
			2024-12-02 clock`,
		// the 3rd has 25 hours: 28 of 30 days
		bills: `
			2024-12-01 2800
				base 2800`,
	},
	{
		name:  "an invoice in Auckland",
		rules: "invoice.issued event.timezone",
		buys: `
			customer zone=Pacific/Auckland
			plan monthly 30.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-30T12:00:00Z clock`,
		// there it is midnight of 1 May
		bills: `
			2024-05-01 3000
				base 3000`,
	},
	{
		name:  "from New York to Tokyo",
		rules: "period.zone_change",
		buys: `
			customer zone=America/New_York
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 customer zone=Asia/Tokyo
			2024-04-01T04:00:00Z gb n=1
			2024-04-30T14:59:59.999Z gb n=2
			2024-04-30T15:00:00Z gb n=4
			2024-05-31T14:59:59.999Z gb n=8
			2024-05-31T15:00:00Z gb n=16
			2024-06-02T00:00:00Z clock`,
		// April from midnight in New York to midnight in Tokyo
		bills: `
			2024-05-01 3300 usage_from=2024-04-01T04:00:00Z usage_to=2024-04-30T14:59:59Z
				base 3000
				gb 300
			2024-06-01 4200 usage_from=2024-04-30T15:00:00Z
				base 3000
				gb 1200`,
	},
	{
		name:  "from Tokyo to New York",
		rules: "period.zone_change",
		buys: `
			customer zone=Asia/Tokyo
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 customer zone=America/New_York
			2024-03-31T15:00:00Z gb n=1
			2024-05-01T03:59:59.999Z gb n=2
			2024-05-01T04:00:00Z gb n=4
			2024-06-02T00:00:00Z clock`,
		bills: `
			2024-05-01 3300
				base 3000
				gb 300
			2024-06-01 3400
				base 3000
				gb 400`,
	},
	{
		name:  "quarters from 30 November",
		rules: "period.anniversary.quarterly period.anniversary.month_end",
		buys:  `plan quarterly 90.00 advance`,
		happens: `
			2023-11-30 subscribe anniversary
			2024-09-01 clock`,
		bills: `
			2023-11-30 9000
				base 9000 from=2023-11-30 to=2024-02-28
			2024-02-29 9000
				base 9000 from=2024-02-29 to=2024-05-29
			2024-05-30 9000
				base 9000 from=2024-05-30 to=2024-08-29
			2024-08-30 9000
				base 9000 from=2024-08-30 to=2024-11-29`,
	},
	{
		name:  "weeks by anniversary while clocks change",
		rules: "period.anniversary.weekly period.dst",
		buys: `
			customer zone=America/New_York
			plan weekly 7.00
			gb standard 1.00`,
		happens: `
			2024-03-07T10:00 subscribe anniversary
			2024-03-14T03:59:59.999Z gb n=1
			2024-03-14T04:00:00Z gb n=2
			2024-03-21 clock`,
		// the week begins 5 h behind UTC and ends 4 h behind it
		bills: `
			2024-03-14 800
				base 700
				gb 100
			2024-03-21 900
				base 700
				gb 200`,
	},
	{
		name:  "a start in the past",
		rules: "period.backdated",
		buys: `
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-10 subscribe from=2024-02-15
			2024-02-20 gb n=1
			2024-03-20 gb n=2
			2024-04-05 gb n=4
			2024-04-20 gb n=8
			2024-05-01 clock`,
		// nothing of February and March; April whole
		bills: `
			2024-05-01 4200
				base 3000 from=2024-04-01
				gb 1200`,
	},
	{
		name:  "a start in the past, by anniversary",
		rules: "period.backdated period.anniversary.monthly",
		buys: `
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-10 subscribe anniversary from=2024-02-15
			2024-03-14 gb n=1
			2024-03-15 gb n=2
			2024-04-15 clock`,
		bills: `
			2024-04-15 3200
				base 3000 from=2024-03-15 to=2024-04-14
				gb 200`,
	},
	{
		name:  "a start in the future",
		rules: "period.pending",
		buys: `
			plan monthly 30.00
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe from=2024-04-16T12:00
			2024-04-16T11:59:59.999 gb n=1
			2024-04-16T12:00 gb n=2
			2024-05-01 clock`,
		// 15 of 30 days
		bills: `
			2024-05-01 1700
				base 1500 from=2024-04-16
				gb 200`,
	},
	{
		name:  "a start in the future, in advance",
		rules: "period.pending base.advance_at_start",
		buys:  `plan monthly 30.00 advance`,
		happens: `
			2024-04-01 subscribe from=2024-04-16T12:00
			2024-04-17 clock`,
		bills: `
			2024-04-16 1500 reason=subscription_starting
				base 1500 from=2024-04-16 to=2024-04-30`,
	},
	{
		name:  "ahead and behind",
		rules: "period.ahead_and_behind base.advance_at_start base.first_calendar",
		buys: `
			plan monthly 30.00 advance
			gb standard 1.00`,
		happens: `
			2024-04-10T09:30 subscribe
			2024-04-20 gb n=1
			2024-05-20 gb n=2
			2024-06-01 clock`,
		bills: `
			2024-04-10 2100 reason=subscription_starting
				base 2100 from=2024-04-10 to=2024-04-30 advance=true
			2024-05-01 3100 usage_from=2024-04-10T09:30:00Z usage_to=2024-04-30T23:59:59Z base_from=2024-05-01T00:00:00Z
				base 3000 from=2024-05-01 to=2024-05-31
				gb 100 from=2024-04-10 to=2024-04-30
			2024-06-01 3200
				base 3000 from=2024-06-01 to=2024-06-30
				gb 200 from=2024-05-01 to=2024-05-31`,
	},
	{
		name:  "usage of a year by months",
		rules: "period.charges_monthly period.calendar.yearly",
		buys: `
			plan yearly 366.00 charges=monthly
			gb standard 1.00`,
		happens: `
			2024-10-01 subscribe
			2024-10-20 gb n=1
			2024-12-20 gb n=4
			2025-01-20 gb n=8
			2025-02-01 clock`,
		// the year: 92 of 366 days
		bills: `
			2024-11-01 100
				gb 100 from=2024-10-01 to=2024-10-31
			2024-12-01 0
			2025-01-01 9600
				base 9200 from=2024-10-01 to=2024-12-31
				gb 400 from=2024-12-01 to=2024-12-31
			2025-02-01 800
				gb 800`,
	},
	{
		name:  "usage of a half year by months, by anniversary",
		rules: "period.charges_monthly period.anniversary.semiannual period.anniversary.month_end",
		buys: `
			plan semiannual 60.00 charges=monthly
			gb standard 1.00`,
		happens: `
			2024-01-31 subscribe anniversary
			2024-02-28T23:59:59.999 gb n=1
			2024-02-29 gb n=2
			2024-03-31 gb n=4
			2024-04-30 gb n=8
			2024-05-31 gb n=16
			2024-06-30 gb n=32
			2024-07-31 clock`,
		bills: `
			2024-02-29 100
				gb 100
			2024-03-31 200
				gb 200
			2024-04-30 400
				gb 400
			2024-05-31 800
				gb 800
			2024-06-30 1600
				gb 1600
			2024-07-31 9200
				base 6000 from=2024-01-31 to=2024-07-30
				gb 3200`,
	},
	{
		name:  "usage of a year by months, in advance",
		rules: "period.charges_monthly period.ahead_and_behind",
		buys: `
			plan yearly 120.00 advance charges=monthly
			gb standard 1.00`,
		happens: `
			2024-03-15 subscribe anniversary
			2024-04-01 gb n=1
			2024-05-01 gb n=2
			2025-03-14 gb n=4
			2025-03-15 clock`,
		bills: `
			2024-03-15 12000
				base 12000 from=2024-03-15 to=2025-03-14
			2024-04-15 100
				gb 100
			2024-05-15 200
				gb 200
			2024-06-15 0
			2024-07-15 0
			2024-08-15 0
			2024-09-15 0
			2024-10-15 0
			2024-11-15 0
			2024-12-15 0
			2025-01-15 0
			2025-02-15 0
			2025-03-15 12400
				base 12000 from=2025-03-15 to=2026-03-14
				gb 400 from=2025-02-15 to=2025-03-14`,
	},
	{
		name:  "fixed charges of a year by months",
		rules: "period.fixed_monthly",
		buys: `
			plan yearly 366.00 fixed=monthly
			gb standard 1.00
			fixed seat standard 5.00 units=2`,
		happens: `
			2024-10-01 subscribe
			2024-10-20 gb n=1
			2025-01-01 clock`,
		// usage keeps the year
		bills: `
			2024-11-01 1000
				fixed:seat 1000 units=2 from=2024-10-01 to=2024-10-31
			2024-12-01 1000
				fixed:seat 1000
			2025-01-01 10300
				base 9200
				gb 100
				fixed:seat 1000 from=2024-12-01 to=2024-12-31`,
	},
	{
		name:  "fixed charges of a half year in advance, by months",
		rules: "period.fixed_monthly fixed.advance",
		buys: `
			plan semiannual 60.00 fixed=monthly
			fixed seat standard 5.00 units=2 advance`,
		happens: `
			2024-01-01 subscribe
			2024-03-01 clock`,
		bills: `
			2024-01-01 1000
				fixed:seat 1000 from=2024-01-01 to=2024-01-31
			2024-02-01 1000
				fixed:seat 1000 from=2024-02-01 to=2024-02-29
			2024-03-01 1000
				fixed:seat 1000`,
	},
	{
		name:  "usage and fixed charges of a year both by months",
		rules: "period.fixed_monthly period.charges_monthly",
		buys: `
			plan yearly 366.00 charges=monthly fixed=monthly
			gb standard 1.00
			fixed seat standard 5.00 units=2`,
		happens: `
			2024-11-01 subscribe
			2024-11-20 gb n=1
			2025-01-01 clock`,
		// 61 of 366 days
		bills: `
			2024-12-01 1100
				gb 100
				fixed:seat 1000
			2025-01-01 7100
				base 6100
				fixed:seat 1000`,
	},
}
