package billing

import "strings"

// The table of ISO 4217 as published on 2026-01-01, by digits of the minor unit,
// without the entries that have none (metals, funds' units of account, tests), and
// with withdrawn currencies that Lago's API still takes.
// It is our own because golang.org/x/text/currency has CLDR's digits, which are those
// of cash and not of the books: it says 0 for IQD (3), COP, IDR and PKR (2).
const (
	currencies0 = `BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF`
	currencies2 = `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD
BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR
FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD
KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN
NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS
SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD
XCD XCG YER ZAR ZMW ZWG`
	currencies3         = `BHD IQD JOD KWD LYD OMR TND`
	currencies4         = `CLF UYW`
	currenciesWithdrawn = `ANG BGN HRK MRO SLL STD` // 2 digits each
)

// currencyDigits maps every currency to the digits of its minor unit. It is not changed.
var currencyDigits = currencyTable()

func currencyTable() map[Currency]int32 {
	table := make(map[Currency]int32)
	add := func(codes string, digits int32) {
		for _, code := range strings.Fields(codes) {
			table[Currency(code)] = digits
		}
	}
	add(currencies0, 0)
	add(currencies2, 2)
	add(currencies3, 3)
	add(currencies4, 4)
	add(currenciesWithdrawn, 2)
	return table
}
