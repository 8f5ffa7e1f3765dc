package scenarios

// moneyBook is about rounding, currencies and pricing units.
var moneyBook = []scenario{
	{
		name:  "credits of dinars",
		rules: "pricing_unit.conversion fee.rounding",
		buys: `
			credits cr
			customer currency=BHD
			plan monthly 0.000
			gb standard 0.333 unit=cr:0.5`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=7
			2024-05-01 clock`,
		// 2.331 → 2.33 credits; × 0.5 = 1.165
		bills: `
			2024-05-01 1165
				gb 1165 unit_cents=233`,
	},
	{
		name:  "credits of groups",
		rules: "pricing_unit.conversion group.one_fee_each",
		buys: `
			credits cr
			plan monthly 0
			gb standard 0.005 unit=cr:1 by=region`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1 region=eu
			2024-04-10 gb n=1 region=us
			2024-05-01 clock`,
		// half a hundredth each → 0.01
		bills: `
			2024-05-01 2
				gb 1 unit_cents=1
				gb 1 unit_cents=1`,
	},
	{
		name:  "a third of a cent",
		rules: "fee.rounding",
		buys: `
			plan monthly 0
			calls standard 0.0033333
			gb standard 0.125
			level standard 0.124999`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls
			2024-04-10 gb n=1
			2024-04-10 level n=1
			2024-05-01 clock`,
		// 0.33 cents → 0; 12.5 → 13; 12.4999 → 12
		bills: `
			2024-05-01 25
				calls 0 units=1
				gb 13 precise=0.125
				level 12`,
	},
	{
		name:  "groups are rounded one by one",
		rules: "fee.rounding group.one_fee_each invoice.sum",
		buys: `
			plan monthly 0
			calls standard 0.005 by=region`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls region=eu
			2024-04-11 calls region=us
			2024-05-01 clock`,
		// 0.5 cents each → 1 and 1, not 1 together
		bills: `
			2024-05-01 2
				calls 1 by.region=eu
				calls 1 by.region=us`,
	},
	{
		name:  "whole yen",
		rules: "fee.rounding",
		buys: `
			customer currency=JPY
			plan monthly 1000
			gb standard 0.5
			calls standard 0.49`,
		happens: `
			2024-04-16 subscribe
			2024-04-20 gb n=3
			2024-04-20 calls
			2024-05-01 clock`,
		// 1000 × 15/30 = 500; 1.5 → 2; 0.49 → 0
		bills: `
			2024-05-01 502 currency=JPY
				base 500
				gb 2 precise=1.5
				calls 0`,
	},
	{
		name:  "thousandths of a dinar",
		rules: "fee.rounding base.first_calendar",
		buys: `
			customer currency=BHD
			plan monthly 10.000
			gb standard 0.0125`,
		happens: `
			2024-04-10 subscribe
			2024-04-20 gb n=1
			2024-05-01 clock`,
		// 10.000 × 21/30 = 7.000; 12.5 thousandths → 13
		bills: `
			2024-05-01 7013 currency=BHD
				base 7000
				gb 13`,
	},
	{
		name:  "credits",
		rules: "pricing_unit.conversion",
		buys: `
			credits cr
			plan monthly 0
			gb standard 0.333 unit=cr:0.5`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-05-01 clock`,
		// 10 × 0.333 = 3.33 credits; × 0.5 = 1.665 → 1.67
		bills: `
			2024-05-01 167
				gb 167 units=10 unit_cents=333`,
	},
	{
		name:  "credits are rounded first",
		rules: "pricing_unit.conversion",
		buys: `
			credits cr
			plan monthly 0
			gb standard 0.0049 unit=cr:100
			calls standard 0.0051 unit=cr:100`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-04-10 calls
			2024-05-01 clock`,
		// 0.0049 credits → 0.00 → 0; 0.0051 → 0.01 × 100 = 1.00
		bills: `
			2024-05-01 100
				gb 0 unit_cents=0
				calls 100 unit_cents=1`,
	},
	{
		name:  "credits by tiers",
		rules: "pricing_unit.conversion model.graduated",
		buys: `
			credits cr
			plan monthly 0
			gb graduated 0-10:1+5 11-:0.5+2 unit=cr:0.01`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=15
			2024-05-01 clock`,
		// 19.50 credits × 0.01 = 0.195 → 0.20
		bills: `
			2024-05-01 20
				gb 20 unit_cents=1950`,
	},
}
