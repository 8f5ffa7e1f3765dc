package scenarios

// unitsBook is about what events come to.
var unitsBook = []scenario{
	{
		name:  "count",
		rules: "units.count",
		buys: `
			plan monthly 0
			calls standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls
			2024-04-10 calls
			2024-04-11 calls region=eu
			2024-05-01 clock`,
		bills: `
			2024-05-01 300
				calls 300 units=3 events=3`,
	},
	{
		name:  "sum",
		rules: "units.sum",
		buys: `
			plan monthly 0
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=2
			2024-04-11 gb n=5
			2024-04-12 gb n=-1
			2024-04-13 gb n=many
			2024-05-01 clock`,
		// 2 + 5 − 1
		bills: `
			2024-05-01 600
				gb 600 units=6`,
	},
	{
		name:  "sum below nothing",
		rules: "units.sum_not_negative",
		buys: `
			plan monthly 0
			gb standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=2
			2024-04-11 gb n=-5
			2024-05-10 gb n=4
			2024-06-01 clock`,
		// April −3 → 0; May does not pay for it
		bills: `
			2024-05-01 0
				gb 0 units=0 events=2
			2024-06-01 400
				gb 400 units=4`,
	},
	{
		name:  "recurring sum",
		rules: "units.sum_recurring",
		buys: `
			plan monthly 0
			seats standard 1.00`,
		happens: `
			2024-01-01 subscribe
			2023-12-10 seats n=1
			2024-01-10 seats n=5
			2024-02-10 seats n=-2
			2024-04-01 clock`,
		// 1 from before the start, + 5, − 2
		bills: `
			2024-02-01 600
				seats 600 units=6
			2024-03-01 400
				seats 400 units=4
			2024-04-01 400
				seats 400 units=4`,
	},
	{
		name:  "max",
		rules: "units.max",
		buys: `
			plan monthly 0
			peak standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 peak n=2
			2024-04-11 peak n=9
			2024-04-12 peak n=4
			2024-06-01 clock`,
		// nothing is carried into May
		bills: `
			2024-05-01 900
				peak 900 units=9
			2024-06-01 0`,
	},
	{
		name:  "latest",
		rules: "units.latest",
		buys: `
			plan monthly 0
			level standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-12 level n=4
			2024-04-10 level n=2
			2024-04-11 level n=9
			2024-05-10 level n=5
			2024-05-11 level n=-1
			2024-06-01 clock`,
		// 4 is the latest by its timestamp, though it came first; −1 is 0
		bills: `
			2024-05-01 400
				level 400 units=4
			2024-06-01 0
				level 0 units=0 events=2`,
	},
	{
		name:  "unique count",
		rules: "units.unique",
		buys: `
			plan monthly 0
			users standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 users n=a
			2024-04-11 users n=b
			2024-04-12 users n=a
			2024-04-13 users n=b op=remove
			2024-04-14 users n=c op=remove
			2024-05-10 users n=d
			2024-06-01 clock`,
		// {a}; in May {d} alone
		bills: `
			2024-05-01 100
				users 100 units=1
			2024-06-01 100
				users 100 units=1`,
	},
	{
		name:  "recurring unique count",
		rules: "units.unique_recurring",
		buys: `
			plan monthly 0
			members standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-03-10 members n=x
			2024-04-10 members n=a
			2024-04-11 members n=b
			2024-05-10 members n=a op=remove
			2024-07-01 clock`,
		// {x a b}, {x b}, {x b}
		bills: `
			2024-05-01 300
				members 300 units=3
			2024-06-01 200
				members 200 units=2
			2024-07-01 200
				members 200 units=2`,
	},
	{
		name:  "weighted sum",
		rules: "units.weighted",
		buys: `
			plan monthly 0
			load standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-11 load n=100
			2024-04-21 load n=-40
			2024-06-01 clock`,
		// (100 × 10 + 60 × 10) / 30 = 53.33…; nothing is carried
		bills: `
			2024-05-01 5333
				load 5333 units=53.333333333333333 total=60
			2024-06-01 0`,
	},
	{
		name:  "weighted sum of an afternoon",
		rules: "units.weighted",
		buys: `
			plan monthly 0
			load standard 100.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10T12:00 load n=3
			2024-04-10T18:00 load n=-3
			2024-05-01 clock`,
		// 3 × 6 h / 720 h = 0.025
		bills: `
			2024-05-01 250
				load 250 units=0.025`,
	},
	{
		name:  "recurring weighted sum",
		rules: "units.weighted_recurring",
		buys: `
			plan monthly 0
			stock standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-03-10 stock n=30
			2024-04-16 stock n=60
			2024-06-01 clock`,
		// 30 all the time and 60 for 15 of 30 days; then 90
		bills: `
			2024-05-01 6000
				stock 6000 units=60 total=90
			2024-06-01 9000
				stock 9000 units=90`,
	},
	{
		name:  "min, average and median",
		rules: "units.min units.avg units.percentile",
		buys: `
			plan monthly 0
			low standard 1.00
			mean standard 1.00
			p50 standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 low n=4
			2024-04-11 low n=2
			2024-04-12 low n=9
			2024-04-10 mean n=4
			2024-04-11 mean n=2
			2024-04-12 mean n=9
			2024-04-10 p50 n=4
			2024-04-11 p50 n=2
			2024-04-12 p50 n=9
			2024-04-13 p50 n=11
			2024-05-01 clock`,
		// 2; 15/3 = 5; place ⌈0.5 × 4⌉ = 2 of 2, 4, 9, 11
		bills: `
			2024-05-01 1100
				low 200 units=2
				mean 500 units=5
				p50 400 units=4`,
	},
	{
		name:  "rounded units",
		rules: "units.rounding",
		buys: `
			metric whole sum round=round:0
			metric up sum round=ceil:1
			metric down sum round=floor:-2
			plan monthly 0
			whole standard 1.00
			up standard 1.00
			down standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 whole n=1.25
			2024-04-11 whole n=1.25
			2024-04-10 up n=1.01
			2024-04-10 down n=399
			2024-05-01 clock`,
		// 2.5 → 3, the total and not each event; 1.01 → 1.1; 399 → 300
		bills: `
			2024-05-01 30410
				whole 300 units=3
				up 110 units=1.1
				down 30000 units=300`,
	},
}
