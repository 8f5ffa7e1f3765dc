package scenarios

// taxBook is about taxes.
var taxBook = []scenario{
	{
		name:  "of the organization",
		rules: "tax.organization invoice.sum",
		buys: `
			tax vat 20 default
			plan monthly 30.00
			gb standard 1.00
			fixed seat standard 5.00 units=2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=5
			2024-05-01 clock`,
		// 20 % of 30, 5 and 10
		bills: `
			2024-05-01 5400 fees=4500 tax=900 tax.vat=900
				base 3000 tax=600 tax.vat=600
				gb 500 tax=100
				fixed:seat 1000 tax=200`,
	},
	{
		name:  "none",
		rules: "tax.organization",
		buys: `
			tax vat 20
			plan monthly 30.00`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		// the tax is not applied to the organization
		bills: `
			2024-05-01 3000 tax=0
				base 3000 tax=0`,
	},
	{
		name:  "of the customer",
		rules: "tax.customer",
		buys: `
			tax vat 20 default
			tax low 7
			customer tax=low
			plan monthly 30.00`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 3210 tax.low=210
				base 3000 tax=210`,
	},
	{
		name:  "of the plan",
		rules: "tax.plan",
		buys: `
			tax vat 20 default
			tax low 7
			tax mid 10
			customer tax=low
			plan monthly 30.00 tax=mid commitment=100.00
			gb standard 1.00
			fixed seat standard 5.00 units=2`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=5
			2024-05-01 clock`,
		// 10 % of 100
		bills: `
			2024-05-01 11000 tax.mid=1000
				base 3000 tax=300
				gb 500 tax=50
				fixed:seat 1000 tax=100
				commitment 5500 tax=550`,
	},
	{
		name:  "of a charge",
		rules: "tax.charge",
		buys: `
			tax vat 20
			tax low 5
			plan monthly 30.00 tax=vat
			gb standard 1.00 tax=low min=20.00
			calls standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-04-10 calls times=10
			2024-05-01 clock`,
		// 6.00; 0.50 and 0.50; 2.00
		bills: `
			2024-05-01 6900 tax=900 tax.vat=800 tax.low=100
				base 3000 tax=600
				gb 1000 tax=50 tax.low=50
				minimum:gb 1000 tax=50 tax.low=50
				calls 1000 tax=200`,
	},
	{
		name:  "of a fixed charge",
		rules: "tax.fixed_charge",
		buys: `
			tax vat 20
			tax low 5
			plan monthly 30.00 tax=vat
			fixed seat standard 5.00 units=2 tax=low`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 4650 tax.vat=600 tax.low=50
				base 3000 tax=600
				fixed:seat 1000 tax=50`,
	},
	{
		name:  "of a commitment",
		rules: "tax.commitment",
		buys: `
			tax vat 20
			tax low 5
			plan monthly 30.00 tax=vat commitment=50.00 commitment_tax=low`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		bills: `
			2024-05-01 5700 tax.vat=600 tax.low=100
				base 3000 tax=600
				commitment 2000 tax=100`,
	},
	{
		name:  "rounded over the invoice",
		rules: "tax.fee_rounding tax.invoice_rounding",
		buys: `
			tax small 5 default
			plan monthly 0
			calls standard 0.10
			gb standard 0.10
			peak standard 0.10`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls
			2024-04-10 gb n=1
			2024-04-10 peak n=1
			2024-05-01 clock`,
		// 0.5 cents each are 1, 1 and 1; 1.5 together are 2
		bills: `
			2024-05-01 32 fees=30 tax=2 tax.small=2
				calls 10 tax=1
				gb 10 tax=1
				peak 10 tax=1`,
	},
	{
		name:  "of current usage",
		rules: "usage.taxes tax.charge tax.invoice_rounding",
		buys: `
			tax small 5 default
			tax big 20
			plan monthly 10.00
			calls standard 0.10
			gb standard 0.10
			peak standard 0.10
			users standard 1.00 tax=big`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls
			2024-04-10 gb n=1
			2024-04-10 peak n=1
			2024-04-10 users n=a
			2024-04-30T23:59:59.999 usage 130 tax=22
			2024-05-01 clock`,
		// 1.5 and 20 are 21.5, without the base fee; with its 50: 71.5
		bills: `
			2024-05-01 1202 tax=72 tax.small=52 tax.big=20
				base 1000
				calls 10
				gb 10
				peak 10
				users 100`,
	},
	{
		name:  "a new rate",
		rules: "tax.edited",
		buys: `
			tax vat 20 default
			plan monthly 30.00`,
		happens: `
			2024-04-01 subscribe
			2024-05-10 rate vat 25
			2024-06-01 clock`,
		bills: `
			2024-05-01 3600
				base 3000 tax=600 rate=20
			2024-06-01 3750
				base 3000 tax=750 rate=25`,
	},
	{
		name:  "two small ones",
		rules: "tax.several tax.fee_rounding tax.invoice_rounding",
		buys: `
			tax a 5
			tax b 5
			plan monthly 0 tax=a,b
			calls standard 0.08`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 calls
			2024-05-01 clock`,
		// 0.4 cents each are 0 and 0; 0.8 together are 1
		bills: `
			2024-05-01 9 tax=1 tax.a=0 tax.b=0
				calls 8 tax=1 tax.a=0 tax.b=0`,
	},
	{
		name:  "two of one fee",
		rules: "tax.several",
		buys: `
			tax vat 20
			tax city 1.5
			customer tax=vat,city
			plan monthly 30.00`,
		happens: `
			2024-04-01 subscribe
			2024-05-01 clock`,
		// 6.00 and 0.45, each of the 30.00
		bills: `
			2024-05-01 3645 tax=645 tax.vat=600 tax.city=45
				base 3000 tax=645 rate=21.5`,
	},
	{
		name:  "rates of fees",
		rules: "tax.rate tax.charge",
		buys: `
			tax vat 20 default
			tax low 5
			tax city 1.25
			plan monthly 30.00
			gb standard 1.00 tax=low,city
			calls standard 1.00`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=10
			2024-04-10 calls times=10
			2024-05-01 clock`,
		// 6.00; 0.50 and 0.125; 2.00. 862.5 cents over the invoice, 12.5 of them the city's
		bills: `
			2024-05-01 5863 tax=863 tax.vat=800 tax.low=50 tax.city=13
				base 3000 rate=20
				gb 1000 rate=6.25 tax=63 tax.low=50 tax.city=13
				calls 1000 rate=20`,
	},
	{
		name:  "whole yen",
		rules: "tax.fee_rounding tax.invoice_rounding",
		buys: `
			tax jct 10 default
			customer currency=JPY
			plan monthly 1005
			gb standard 15`,
		happens: `
			2024-04-01 subscribe
			2024-04-10 gb n=1
			2024-05-01 clock`,
		// 100.5 → 101, 1.5 → 2; 102 together
		bills: `
			2024-05-01 1122 tax=102
				base 1005 tax=101
				gb 15 tax=2`,
	},
	{
		name:  "paid in advance",
		rules: "tax.organization base.advance_at_start",
		buys: `
			tax vat 20 default
			plan monthly 30.00 advance`,
		happens: `
			2024-04-16 subscribe`,
		bills: `
			2024-04-16 1800 tax=300
				base 1500 tax=300`,
	},
	{
		name:  "of an add-on",
		rules: "tax.add_on invoice.one_off",
		buys: `
			tax vat 20 default
			tax low 5
			customer
			add_on setup 100.00 tax=low
			add_on visit 10.00`,
		happens: `
			2024-04-10 one_off setup and visit units=2`,
		// 5 % of 100, 20 % of 20
		bills: `
			2024-04-10 12900 type=one_off tax.low=500 tax.vat=400
				add_on:setup 10000 units=1 tax=500
				add_on:visit 2000 units=2 tax=400`,
	},
	{
		name:  "said of a fee",
		rules: "tax.one_off invoice.one_off",
		buys: `
			tax vat 20 default
			tax low 5
			tax mid 10
			add_on setup 100.00 tax=low`,
		happens: `
			2024-04-10 one_off setup tax=mid`,
		bills: `
			2024-04-10 11000 tax.mid=1000
				add_on:setup 10000 tax=1000`,
	},
}
