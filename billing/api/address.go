package api

import (
	"strings"

	"weir/billing"
)

// addressObject is Lago's Address.
type addressObject struct {
	Line1   *string `json:"address_line1"`
	Line2   *string `json:"address_line2"`
	City    *string `json:"city"`
	State   *string `json:"state"`
	Zipcode *string `json:"zipcode"`
	Country *string `json:"country"`
}

func addressOf(a *billing.Address) addressObject {
	return addressObject{
		Line1: orNull(a.Line1), Line2: orNull(a.Line2), City: orNull(a.City),
		State: orNull(a.State), Zipcode: orNull(a.Zipcode), Country: orNull(a.Country),
	}
}

func readAddress(f form, a *billing.Address) {
	for name, dst := range map[string]*string{
		"address_line1": &a.Line1, "address_line2": &a.Line2,
		"city": &a.City, "state": &a.State, "zipcode": &a.Zipcode,
	} {
		f.into(dst, name, textBytesMax)
	}
	if country, ok := f.text("country", textBytesMax); ok {
		a.Country = strings.ToUpper(country)
		if a.Country != "" && !countries[a.Country] {
			f.fault("country", codeInvalidCountry)
		}
	}
}
