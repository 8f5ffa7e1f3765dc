package scenarios

// modelBook is about charge models: how units become money.
var modelBook = []scenario{
	{
		name:  "standard",
		rules: "model.standard units.sum invoice.sum invoice.issued",
		buys: `
			plan monthly 30.00
			gb standard 0.05`,
		happens: `
			2024-04-01 subscribe
			2024-04-10T09:30 gb n=100
			2024-04-20 gb n=20
			2024-05-01 clock`,
		// 120 × 0.05 = 6.00
		bills: `
			2024-05-01 3600 fees=3600 tax=0 payment=pending reason=subscription_periodic
				base 3000
				gb 600 units=120 events=2 each=0.05 precise=6`,
	},
	{
		name:  "graduated over two tiers",
		rules: "model.graduated",
		buys: `
			plan monthly 0
			gb graduated 0-10:1.00+5 11-:0.50+2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=15
			2024-05-01 clock`,
		// 10 × 1 + 5 and 5 × 0.50 + 2 = 15 + 4.50
		bills: `
			2024-05-01 1950
				gb 1950 units=15`,
	},
	{
		name:  "graduated without units",
		rules: "model.graduated_zero",
		buys: `
			plan monthly 0
			gb graduated 0-10:1.00+5 11-:0.50+2`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 500
				gb 500 units=0 events=0`,
	},
	{
		name:  "graduated, a tier filled to its end",
		rules: "model.graduated",
		buys: `
			plan monthly 0
			gb graduated 0-10:1.00+5 11-:0.50+2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-05-10 gb n=11
			2024-06-01 clock`,
		// 10 × 1 + 5; then 10 × 1 + 5 and 1 × 0.50 + 2
		bills: `
			2024-05-01 1500
				gb 1500 units=10
			2024-06-01 1750
				gb 1750 units=11`,
	},
	{
		name:  "graduated over three tiers",
		rules: "model.graduated",
		buys: `
			plan monthly 0
			gb graduated 0-10:2.00+0 11-20:1.00+3 21-:0.10+7`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=45
			2024-05-01 clock`,
		// 10 × 2 = 20; 10 × 1 + 3 = 13; 25 × 0.10 + 7 = 9.50
		bills: `
			2024-05-01 4250
				gb 4250 units=45`,
	},
	{
		name:  "graduated with adjacent tiers",
		rules: "model.graduated_adjacent",
		buys: `
			plan monthly 0
			gb graduated 0-10:1.00+5 10-:0.50+2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=15
			2024-05-10 gb n=10
			2024-06-01 clock`,
		// as with tiers that do not touch: 10 + 5 and 2.50 + 2; then 10 + 5
		bills: `
			2024-05-01 1950
				gb 1950 units=15
			2024-06-01 1500
				gb 1500 units=10`,
	},
	{
		name:  "graduated, part of a unit",
		rules: "model.graduated_fraction",
		buys: `
			plan monthly 0
			gb graduated 0-10:1.00+5 11-:0.50+2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10.5
			2024-05-10 gb n=9.25
			2024-06-01 clock`,
		// 10 × 1 + 5 and 0.5 × 0.50 + 2 = 17.25; then 9.25 × 1 + 5
		bills: `
			2024-05-01 1725
				gb 1725 units=10.5
			2024-06-01 1425
				gb 1425 units=9.25`,
	},
	{
		name:  "package",
		rules: "model.package",
		buys: `
			plan monthly 0
			gb package 25.00/100 free=50`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=230
			2024-05-10 gb n=150
			2024-06-10 gb n=150.5
			2024-07-01 clock`,
		// ⌈180/100⌉ = 2 packages; ⌈100/100⌉ = 1; ⌈100.5/100⌉ = 2
		bills: `
			2024-05-01 5000
				gb 5000 units=230
			2024-06-01 2500
				gb 2500 units=150
			2024-07-01 5000
				gb 5000 units=150.5`,
	},
	{
		name:  "package, all of it free",
		rules: "model.package_free",
		buys: `
			plan monthly 0
			gb package 25.00/100 free=50`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=50
			2024-05-10 gb n=51
			2024-06-01 clock`,
		// 50 are free; of 51 one begins a package
		bills: `
			2024-05-01 0 payment=succeeded
				gb 0 units=50
			2024-06-01 2500
				gb 2500 units=51`,
	},
	{
		name:  "package without free units",
		rules: "model.package",
		buys: `
			plan monthly 0
			calls package 3.00/4`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls times=9
			2024-05-01 clock`,
		// ⌈9/4⌉ = 3 packages
		bills: `
			2024-05-01 900
				calls 900 units=9`,
	},
	{
		name:  "dynamic by groups",
		rules: "model.dynamic group.one_fee_each filter.match",
		buys: `
			plan monthly 0
			gb dynamic by=tier
			when region=eu ->`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1 cents=100.4 region=eu
			2024-04-10 gb n=1 cents=100.4 region=eu tier=gold
			2024-04-10 gb n=1 cents=7.5 tier=gold
			2024-04-10 gb n=1 cents=7.4 tier=iron
			2024-05-01 clock`,
		// 200.8; 7.5; 7.4
		bills: `
			2024-05-01 216
				gb 201 filter=eu
				gb 8 by.tier=gold
				gb 7 by.tier=iron`,
	},
	{
		name:  "volume",
		rules: "model.volume",
		buys: `
			plan monthly 0
			gb volume 0-100:1.00+0 101-:0.80+3`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=150
			2024-05-10 gb n=100
			2024-06-01 clock`,
		// 150 × 0.80 + 3; 100 × 1.00
		bills: `
			2024-05-01 12300
				gb 12300 units=150
			2024-06-01 10000
				gb 10000 units=100`,
	},
	{
		name:  "volume without units",
		rules: "model.volume_zero",
		buys: `
			plan monthly 0
			gb volume 0-100:1.00+2 101-:0.80+3`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 200
				gb 200 units=0`,
	},
	{
		name:  "volume, part of a unit",
		rules: "model.volume_fraction",
		buys: `
			plan monthly 0
			gb volume 0-100:1.00+0 101-:0.80+3`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=100.5
			2024-05-10 gb n=99.5
			2024-06-01 clock`,
		// ⌈100.5⌉ = 101: 100.5 × 0.80 + 3 = 83.40; 99.5 × 1.00
		bills: `
			2024-05-01 8340
				gb 8340 units=100.5
			2024-06-01 9950
				gb 9950 units=99.5`,
	},
	{
		name:  "graduated percentage",
		rules: "model.graduated_percentage",
		buys: `
			plan monthly 0
			gb graduated_percentage 0-1000:1+0 1001-:0.5+2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=3000
			2024-05-10 gb n=500
			2024-06-01 clock`,
		// 1000 × 1 % = 10; 2000 × 0.5 % + 2 = 12; then 500 × 1 %
		bills: `
			2024-05-01 2200
				gb 2200 units=3000
			2024-06-01 500
				gb 500 units=500`,
	},
	{
		name:  "graduated percentage, flat amounts of all tiers entered",
		rules: "model.graduated_percentage",
		buys: `
			plan monthly 0
			gb graduated_percentage 0-10:10+1 11-20:20+2 21-:30+4`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=20
			2024-05-10 gb n=20.5
			2024-06-01 clock`,
		// 1 + 1 and 2 + 2 = 6.00; 0.5 × 30 % + 4 more
		bills: `
			2024-05-01 600
				gb 600
			2024-06-01 1015
				gb 1015`,
	},
	{
		name:  "graduated percentage without units",
		rules: "model.graduated_percentage_zero",
		buys: `
			plan monthly 0
			gb graduated_percentage 0-1000:1+5 1001-:0.5+2`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 500
				gb 500 units=0`,
	},
	{
		name:  "dynamic",
		rules: "model.dynamic",
		buys: `
			plan monthly 0
			gb dynamic`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=2 cents=1.5
			2024-04-11 gb n=3 cents=2.25
			2024-04-12 gb n=5
			2024-05-01 clock`,
		// 1.5 + 2.25 = 3.75 cents; one event says no price
		bills: `
			2024-05-01 4
				gb 4 units=10 events=3 precise=0.0375`,
	},
	{
		name:  "custom",
		rules: "model.custom",
		buys: `
			plan monthly 0
			gb custom ceil(units/10)*3+events_count*0.1`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=20
			2024-04-11 gb n=5
			2024-05-01 clock`,
		// ⌈2.5⌉ × 3 + 2 × 0.1
		bills: `
			2024-05-01 920
				gb 920 units=25 events=2`,
	},
	{
		name:  "custom on other units",
		rules: "model.custom",
		buys: `
			plan monthly 0
			peak custom (units-1)*2
			users custom round(units/3,2)
			calls custom floor(units/2)*1.50`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 peak n=4
			2024-04-11 peak n=7
			2024-04-10 users n=a
			2024-04-11 users n=b
			2024-04-10 calls times=5
			2024-05-01 clock`,
		// (7 − 1) × 2; 2/3 = 0.67; 2 × 1.50
		bills: `
			2024-05-01 1567
				peak 1200
				users 67
				calls 300`,
	},
	{
		name:  "what nobody used is not billed",
		rules: "fee.nothing_no_fee",
		buys: `
			plan monthly 30.00
			gb standard 0.05
			calls package 1.00/10
			users percentage 1`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 3000
				base 3000`,
	},
	{
		name:  "custom below nothing",
		rules: "model.custom",
		buys: `
			plan monthly 0
			gb custom units-10`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=4
			2024-05-10 gb n=12
			2024-06-01 clock`,
		// nothing costs less than nothing
		bills: `
			2024-05-01 0
				gb 0
			2024-06-01 200
				gb 200`,
	},
}
