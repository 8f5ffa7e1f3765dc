package scenarios

// filterBook is about filters and groups.
var filterBook = []scenario{
	{
		name:  "filters",
		rules: "filter.match",
		buys: `
			plan monthly 0
			calls standard 1.00
			when region=eu,us -> 0.10
			when region=ap -> 0.20`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls region=eu times=2
			2024-04-10 calls region=us
			2024-04-10 calls region=ap
			2024-04-10 calls region=af
			2024-04-10 calls
			2024-05-01 clock`,
		// 3 × 0.10; 1 × 0.20; the other two by the charge
		bills: `
			2024-05-01 250
				calls 30 units=3
				calls 20 units=1
				calls 200 units=2`,
	},
	{
		name:  "the filter that looks at more",
		rules: "filter.most_specific",
		buys: `
			plan monthly 0
			gb standard 1.00
			when region=eu -> 0.50
			when region=eu tier=gold -> 0.25`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=4 region=eu
			2024-04-10 gb n=8 region=eu tier=gold
			2024-04-10 gb n=16 region=us tier=gold
			2024-05-01 clock`,
		// 4 × 0.50; 8 × 0.25; 16 × 1.00
		bills: `
			2024-05-01 2000
				gb 200 units=4
				gb 200 units=8
				gb 1600 units=16`,
	},
	{
		name:  "a filter for every value",
		rules: "filter.all_values",
		buys: `
			plan monthly 0
			calls standard 1.00
			when region=* -> 0.10`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls region=eu
			2024-04-10 calls region=ap
			2024-04-10 calls region=moon
			2024-04-10 calls
			2024-05-01 clock`,
		// eu and ap are declared, moon is not
		bills: `
			2024-05-01 220
				calls 20 units=2
				calls 200 units=2`,
	},
	{
		name:  "groups with tiers of their own",
		rules: "group.one_fee_each",
		buys: `
			plan monthly 0
			gb graduated 0-10:1.00+0 11-:0.10+0 by=region`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10 region=eu
			2024-04-10 gb n=20 region=us
			2024-04-10 gb n=5
			2024-05-01 clock`,
		// 5 without a region; 10; 10 + 10 × 0.10
		bills: `
			2024-05-01 2600
				gb 500 by.region=null
				gb 1000 by.region=eu
				gb 1100 by.region=us`,
	},
	{
		name:  "groups of two properties",
		rules: "group.one_fee_each",
		buys: `
			plan monthly 0
			calls standard 1.00 by=region,tier`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls region=eu tier=gold
			2024-04-10 calls region=eu tier=iron times=2
			2024-04-10 calls region=us tier=gold times=3
			2024-05-01 clock`,
		bills: `
			2024-05-01 600
				calls 100 by.region=eu by.tier=gold
				calls 200 by.region=eu by.tier=iron
				calls 300 by.region=us by.tier=gold`,
	},
	{
		name:  "free units within groups and filters",
		rules: "group.one_fee_each filter.match model.package_free",
		buys: `
			plan monthly 0
			gb package 1.00/10 free=10
			when region=eu -> 2.00/10 free=10 by=tier`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=15 region=eu tier=gold
			2024-04-10 gb n=10 region=eu tier=iron
			2024-04-10 gb n=35 region=us
			2024-05-01 clock`,
		// ⌈5/10⌉ × 2; free; ⌈25/10⌉ × 1
		bills: `
			2024-05-01 500
				gb 200 by.tier=gold
				gb 0 by.tier=iron
				gb 300 units=35`,
	},
}
