package scenarios

// percentageBook is about percentages, which look at events one by one.
var percentageBook = []scenario{
	{
		name:  "percentage",
		rules: "model.percentage",
		buys: `
			plan monthly 0
			gb percentage 1.5 fixed=0.20`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=100
			2024-04-11 gb n=50
			2024-05-01 clock`,
		// 150 × 1.5 % = 2.25, 2 × 0.20 = 0.40
		bills: `
			2024-05-01 265
				gb 265 units=150 events=2`,
	},
	{
		name:  "percentage, rate alone",
		rules: "model.percentage",
		buys: `
			plan monthly 0
			gb percentage 2.5`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=99.9
			2024-05-01 clock`,
		// 99.9 × 2.5 % = 2.4975
		bills: `
			2024-05-01 250
				gb 250 precise=2.4975`,
	},
	{
		name:  "percentage with free events",
		rules: "model.percentage_free_events",
		buys: `
			plan monthly 0
			gb percentage 10 fixed=0.50 free_events=2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-04-11 gb n=20
			2024-04-12 gb n=30
			2024-05-01 clock`,
		// the first two are free: 30 × 10 % + 1 × 0.50
		bills: `
			2024-05-01 350
				gb 350 units=60 events=3`,
	},
	{
		name:  "percentage, fewer events than are free",
		rules: "model.percentage_free_events",
		buys: `
			plan monthly 0
			gb percentage 10 fixed=0.50 free_events=5`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-04-11 gb n=20
			2024-05-01 clock`,
		bills: `
			2024-05-01 0
				gb 0 units=30 events=2`,
	},
	{
		name:  "percentage with free units",
		rules: "model.percentage_free_units",
		buys: `
			plan monthly 0
			gb percentage 10 fixed=0.50 free_units=50`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=30
			2024-04-11 gb n=30
			2024-04-12 gb n=30
			2024-05-01 clock`,
		// running totals 30, 60, 90: 50 units are free, and one event (30 < 50).
		// (90 − 50) × 10 % = 4.00, (3 − 1) × 0.50 = 1.00
		bills: `
			2024-05-01 500
				gb 500 units=90 events=3`,
	},
	{
		name:  "percentage, the allowance not used up",
		rules: "model.percentage_free_units",
		buys: `
			plan monthly 0
			gb percentage 10 fixed=0.50 free_units=100`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=30
			2024-04-11 gb n=30
			2024-05-01 clock`,
		// running totals 30, 60: both below 100
		bills: `
			2024-05-01 0
				gb 0 units=60`,
	},
	{
		name:  "percentage with free events and units",
		rules: "model.percentage_both_free",
		buys: `
			plan monthly 0
			gb percentage 2 fixed=0.50 free_events=3 free_units=100`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=40
			2024-04-11 gb n=30
			2024-04-12 gb n=60
			2024-04-13 gb n=70
			2024-05-01 clock`,
		// running totals of the first three: 40, 70, 130. Free are 100 units and, of 3 events
		// and 2 below 100, 2 events: (200 − 100) × 2 % + (4 − 2) × 0.50
		bills: `
			2024-05-01 300
				gb 300 units=200 events=4`,
	},
	{
		name:  "percentage, events end the allowance",
		rules: "model.percentage_both_free",
		buys: `
			plan monthly 0
			gb percentage 10 fixed=1.00 free_events=2 free_units=1000`,
		happens: `
			2024-04-01 subscribe
			2024-04-12 gb n=70
			2024-04-10 gb n=40
			2024-04-11 gb n=30
			2024-05-01 clock`,
		// by their timestamps: 40, 70 are the running totals of the first two. Free are 70 units
		// and 2 events: 70 × 10 % + 1 × 1.00
		bills: `
			2024-05-01 800
				gb 800 units=140 events=3`,
	},
	{
		name:  "percentage with bounds",
		rules: "model.percentage_bounds",
		buys: `
			plan monthly 0
			gb percentage 1 low=0.30 high=5`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-04-11 gb n=200
			2024-04-12 gb n=1000
			2024-05-01 clock`,
		// 0.10 → 0.30; 2.00; 10.00 → 5.00
		bills: `
			2024-05-01 730
				gb 730 units=1210 events=3`,
	},
	{
		name:  "percentage with bounds and a fixed amount",
		rules: "model.percentage_bounds",
		buys: `
			plan monthly 0
			gb percentage 1 fixed=0.25 low=0.30 high=5`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-04-11 gb n=3
			2024-04-12 gb n=475
			2024-04-13 gb n=476
			2024-05-01 clock`,
		// 0.10 + 0.25 = 0.35; 0.28 → 0.30; 4.75 + 0.25 = 5.00; 5.01 → 5.00
		bills: `
			2024-05-01 1065
				gb 1065`,
	},
	{
		name:  "percentage with bounds after free events",
		rules: "model.percentage_bounds model.percentage_free_events",
		buys: `
			plan monthly 0
			gb percentage 1 low=0.30 high=5 free_events=1`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-04-11 gb n=200
			2024-04-12 gb n=1000
			2024-05-01 clock`,
		// the first is free; 2.00; 5.00
		bills: `
			2024-05-01 700
				gb 700`,
	},
	{
		name:  "percentage with bounds after free units",
		rules: "model.percentage_bounds model.percentage_free_units",
		buys: `
			plan monthly 0
			gb percentage 1 low=0.30 high=5 free_units=150`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=100
			2024-04-11 gb n=100
			2024-04-12 gb n=10
			2024-05-01 clock`,
		// 100 is inside; of the second 50 are paid: 0.50; 0.10 → 0.30
		bills: `
			2024-05-01 80
				gb 80`,
	},
	{
		name:  "percentage of a count",
		rules: "model.percentage units.count",
		buys: `
			plan monthly 0
			calls percentage 50 fixed=0.10 free_events=4`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls times=10
			2024-05-01 clock`,
		// 6 × 50 % + 6 × 0.10
		bills: `
			2024-05-01 360
				calls 360 units=10`,
	},
	{
		name:  "percentage of what is given back",
		rules: "model.percentage",
		buys: `
			plan monthly 0
			gb percentage 1 fixed=0.50`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=100
			2024-04-11 gb n=-20
			2024-05-10 gb n=20
			2024-05-11 gb n=-20
			2024-06-01 clock`,
		// 80 × 1 % + 2 × 0.50; without units nothing
		bills: `
			2024-05-01 180
				gb 180 units=80 events=2
			2024-06-01 0
				gb 0 units=0 events=2`,
	},
	{
		name:  "allowances of groups and filters",
		rules: "model.percentage_free_events model.percentage_free_units model.percentage_bounds group.one_fee_each filter.match",
		buys: `
			plan monthly 0
			gb percentage 10 free_events=1 by=tier
			when region=eu -> 1 free_units=50
			when region=us -> 1 low=0.30 high=5`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=30 region=eu
			2024-04-11 gb n=30 tier=gold
			2024-04-12 gb n=30 region=us
			2024-04-13 gb n=30 region=eu
			2024-04-14 gb n=30 tier=iron
			2024-04-15 gb n=10 region=us
			2024-04-16 gb n=10 tier=gold
			2024-05-01 clock`,
		// eu: (60 − 50) × 1 %; us: 0.30 + 0.30; gold: 10 × 10 %; iron: free
		bills: `
			2024-05-01 170
				gb 10 filter=eu
				gb 60 filter=us
				gb 100 by.tier=gold
				gb 0 by.tier=iron`,
	},
}
