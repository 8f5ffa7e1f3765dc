package scenarios

// weightedBook is about weighted sums in periods that are not as long as their days times 86,400 s.
var weightedBook = []scenario{
	{
		name:  "half a month",
		rules: "units.weighted",
		buys: `
			plan monthly 0
			load standard 1.00`,
		happens: `
			2024-04-16 subscribe
			2024-04-16 load n=100
			2024-05-01 clock`,
		// 100 × 15/30
		bills: `
			2024-05-01 5000
				load 5000 units=50 total=100`,
	},
	{
		name:  "half a month, carried",
		rules: "units.weighted_recurring",
		buys: `
			plan monthly 0
			stock standard 1.00`,
		happens: `
			2024-04-16 subscribe
			2024-04-01 stock n=100
			2024-06-01 clock`,
		// 100 × 15/30; then the whole of May
		bills: `
			2024-05-01 5000
				stock 5000 units=50 total=100
			2024-06-01 10000
				stock 10000 units=100`,
	},
	{
		name:  "ended at noon",
		rules: "units.weighted",
		buys: `
			plan monthly 0
			load standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-01 load n=120
			2024-04-15T12:00 end`,
		// 120 × 14.5/30
		bills: `
			2024-04-15 5800
				load 5800 units=58`,
	},
	{
		name:  "a month of 743 hours",
		rules: "units.weighted period.dst",
		buys: `
			customer zone=America/New_York
			plan monthly 0
			load standard 1.00`,
		happens: `
			2024-03-01 subscribe
			2024-03-01 load n=100
			2024-04-02 clock`,
		// 100 × 743 × 3600 / (31 × 86400) = 99.8655…
		bills: `
			2024-04-01 9987
				load 9987 units=99.865591397849462`,
	},
}
