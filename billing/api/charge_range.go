package api

import "weir/billing"

// graduatedRangeObject is a range of a graduated or a volume charge.
type graduatedRangeObject struct {
	FromValue     int64  `json:"from_value"`
	ToValue       *int64 `json:"to_value"`
	PerUnitAmount string `json:"per_unit_amount"`
	FlatAmount    string `json:"flat_amount"`
}

func graduatedRangeOf(r *billing.GraduatedRange) graduatedRangeObject {
	return graduatedRangeObject{r.FromValue, r.ToValue, r.PerUnitAmount.String(), r.FlatAmount.String()}
}

func volumeRangeOf(r *billing.VolumeRange) graduatedRangeObject {
	return graduatedRangeOf((*billing.GraduatedRange)(r))
}

type graduatedPercentageRangeObject struct {
	FromValue  int64  `json:"from_value"`
	ToValue    *int64 `json:"to_value"`
	Rate       string `json:"rate"`
	FlatAmount string `json:"flat_amount"`
}

func graduatedPercentageRangeOf(r *billing.GraduatedPercentageRange) graduatedPercentageRangeObject {
	return graduatedPercentageRangeObject{r.FromValue, r.ToValue, r.Rate.String(), r.FlatAmount.String()}
}

// readRanges returns the forms of a charge's ranges; none at all are the fault missing.
func readRanges(f form, name, missing string) []form {
	if _, given := f.given(name); !given {
		f.fault(name, missing)
	}
	return f.objects(name, billing.GraduatedRangesMax)
}

// readBounds reads where a range begins and ends; what is no bound is the fault code.
func readBounds(f form, code string) (from int64, to *int64) {
	from = readCount(f, "from_value", 0, code)
	if _, given := f.given("to_value"); given {
		n := readCount(f, "to_value", 0, code)
		to = &n
	}
	return from, to
}

// readPricedRanges reads ranges of which each has a price for its units.
func readPricedRanges(f form, name, missing, invalid string) []billing.GraduatedRange {
	var ranges []billing.GraduatedRange
	for _, o := range readRanges(f, name, missing) {
		var r billing.GraduatedRange
		r.FromValue, r.ToValue = readBounds(o, invalid)
		r.PerUnitAmount, _ = o.amount("per_unit_amount", billing.CodeInvalidAmount)
		r.FlatAmount, _ = o.amount("flat_amount", billing.CodeInvalidAmount)
		ranges = append(ranges, r)
	}
	return ranges
}

func readGraduatedRanges(f form) []billing.GraduatedRange {
	return readPricedRanges(f, "graduated_ranges", billing.CodeMissingGraduatedRanges, billing.CodeInvalidGraduatedRanges)
}

func readVolumeRanges(f form) []billing.VolumeRange {
	var ranges []billing.VolumeRange
	for _, r := range readPricedRanges(f, "volume_ranges", billing.CodeMissingVolumeRanges, billing.CodeInvalidVolumeRanges) {
		ranges = append(ranges, billing.VolumeRange(r))
	}
	return ranges
}

func readGraduatedPercentageRanges(f form) []billing.GraduatedPercentageRange {
	var ranges []billing.GraduatedPercentageRange
	for _, o := range readRanges(f, "graduated_percentage_ranges", billing.CodeMissingGraduatedPercentageRanges) {
		var r billing.GraduatedPercentageRange
		r.FromValue, r.ToValue = readBounds(o, billing.CodeInvalidGraduatedPercentageRanges)
		r.Rate, _ = o.amount("rate", billing.CodeInvalidRate)
		r.FlatAmount, _ = o.amount("flat_amount", billing.CodeInvalidAmount)
		ranges = append(ranges, r)
	}
	return ranges
}
