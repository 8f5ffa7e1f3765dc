package api

import (
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"weir/billing"
)

// groupValuesMax bounds the keys, and the values of each, that usage is narrowed down to.
const groupValuesMax = 100

// usageFilter is how a request narrows usage down, by Lago's parameters.
type usageFilter struct {
	chargeIDs, chargeCodes, metricCodes []string // what is given: usually one of one of them
	// groups are the pricing groups asked for: by key, any of the values, "" for the group
	// without the property. nil = all.
	groups map[string][]string
	// presentation are the presentation group keys that are shown; nil = all of the charge's.
	presentation []string
	ungrouped    bool // skip_grouping: price as if nothing was grouped
	full         bool // full_usage: since the subscription's start
}

// usageFilter reads Lago's parameters, each also by its other name.
func (p params) usageFilter() usageFilter {
	f := usageFilter{
		chargeIDs:   p.firsts("charge_id", "filter_by_charge_id"),
		chargeCodes: p.firsts("charge_code", "filter_by_charge_code"),
		metricCodes: p.firsts("billable_metric_code", "filter_by_metric_code"),
		ungrouped:   p.Get("skip_grouping") == "true",
		full:        p.Get("full_usage") == "true",
	}
	f.groups = p.group("filter_by_group", "group")
	f.presentation = p.presentation("filter_by_presentation")
	return f
}

// firsts returns the values of the parameters that are given.
func (p params) firsts(names ...string) []string {
	var given []string
	for _, name := range names {
		if s := p.text(name); s != "" {
			given = append(given, s)
		}
	}
	return given
}

// group reads a parameter of keys and values, name[key]=value or name[key][]=value, or
// name={"key":"value"} as JSON; the names are of one parameter. nil when it is not given.
func (p params) group(names ...string) map[string][]string {
	var group map[string][]string
	add := func(name, key, value string) {
		if group == nil {
			group = make(map[string][]string)
		}
		if group[key] = append(group[key], value); len(group) > groupValuesMax || len(group[key]) > groupValuesMax {
			p.overLimit(name, billing.CodeOutOfRange, "at most 100 keys and 100 values of each")
		}
	}
	for _, name := range names {
		for given, values := range p.Values {
			key, ok := keyOf(given, name)
			if !ok {
				continue
			}
			for _, value := range values {
				if len(key) > textBytesMax || len(value) > groupValueBytesMax || !storable(key) {
					p.fault(name, billing.CodeInvalid)
					continue
				}
				add(name, key, value)
			}
		}
		if text := p.Get(name); text != "" && !eachGroupValue(text, func(key, value string) { add(name, key, value) }) {
			p.fault(name, billing.CodeInvalid)
		}
	}
	return group
}

// groupValueBytesMax is the longest value of a property.
const groupValueBytesMax = 1 << 10

// keyOf returns the key of a parameter name[key] or name[key][].
func keyOf(given, name string) (key string, ok bool) {
	rest, ok := strings.CutPrefix(given, name+"[")
	if !ok {
		return "", false
	}
	rest = strings.TrimSuffix(rest, "[]")
	key, ok = strings.CutSuffix(rest, "]")
	return key, ok && key != ""
}

// eachGroupValue reads {"key":"value","other":["value",…]}; null is the group without the property.
func eachGroupValue(text string, add func(key, value string)) bool {
	members, err := membersOf(jsontext.Value(text))
	if err != nil {
		return false
	}
	for key, member := range members {
		values := []jsontext.Value{member}
		if member.Kind() == '[' {
			if json.Unmarshal(member, &values) != nil {
				return false
			}
		}
		for _, value := range values {
			var s string
			if value.Kind() != 'n' && json.Unmarshal(value, &s) != nil {
				return false
			}
			add(key, s)
		}
	}
	return true
}

// presentation reads a list of keys: as JSON, as Lago has it, or name[]=a&name[]=b. nil
// when it is not given; an empty list shows none.
func (p params) presentation(name string) []string {
	text := p.Get(name)
	if text == "" {
		return p.Values[name+"[]"]
	}
	var keys []string
	if text[0] != '[' {
		return []string{text}
	}
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		p.fault(name, billing.CodeInvalid)
	}
	if keys == nil {
		keys = []string{}
	}
	return keys
}

// charges returns the plan's charges that are asked for, each as it is to be priced and
// shown. When none of the plan's is what was asked for, that is charge_not_found, as in Lago.
func (f *usageFilter) charges(plan *billing.Plan) ([]*billing.Charge, error) {
	wanted := func(asked []string, value string) bool {
		return !slices.ContainsFunc(asked, func(a string) bool { return a != value })
	}
	var charges []*billing.Charge
	for i := range plan.Charges {
		ch := &plan.Charges[i]
		if wanted(f.chargeIDs, ch.ID.String()) && wanted(f.chargeCodes, ch.Code) && wanted(f.metricCodes, ch.Metric.Code) {
			charges = append(charges, f.reshaped(ch))
		}
	}
	if len(charges) == 0 && f.namesCharge() {
		return nil, billing.NotFound("charge")
	}
	return charges, nil
}

// takesPlan reports whether the filter takes a plan's charges as they are.
func (f *usageFilter) takesPlan() bool {
	return !f.namesCharge() && !f.ungrouped && f.presentation == nil
}

func (f *usageFilter) namesCharge() bool {
	return len(f.chargeIDs)+len(f.chargeCodes)+len(f.metricCodes) > 0
}

// reshaped returns the charge with the groups that are asked for.
func (f *usageFilter) reshaped(ch *billing.Charge) *billing.Charge {
	if !f.ungrouped && f.presentation == nil {
		return ch
	}
	reshape := func(p *billing.ChargeProperties) {
		if f.ungrouped {
			p.PricingGroupKeys = nil
		}
		if f.presentation != nil {
			p.PresentationGroupKeys = slices.DeleteFunc(slices.Clone(p.PresentationGroupKeys), func(key string) bool {
				return !slices.Contains(f.presentation, key)
			})
		}
	}
	shaped := *ch
	reshape(&shaped.Properties)
	shaped.Filters = slices.Clone(ch.Filters)
	for i := range shaped.Filters {
		reshape(&shaped.Filters[i].Properties)
	}
	return &shaped
}

// narrow leaves the pricing groups that are asked for. Each is priced by itself, so that
// what is left of a charge is the sum of their amounts. Charges without such a group go.
func (f *usageFilter) narrow(usages []billing.ChargeUsage) []billing.ChargeUsage {
	if len(f.groups) == 0 {
		return usages
	}
	var narrowed []billing.ChargeUsage
	for i := range usages {
		if !f.groupedBy(usages[i].Charge) {
			continue
		}
		narrow := billing.ChargeUsage{Charge: usages[i].Charge}
		for _, b := range usages[i].Buckets {
			if f.takesGroup(b.GroupedBy) {
				narrow.Buckets = append(narrow.Buckets, b)
				narrow.Units = narrow.Units.Add(b.Units)
				narrow.EventsCount += b.EventsCount
				narrow.AmountCents += b.AmountCents // a part of a sum that fits
				narrow.PricingUnitCents += b.PricingUnit.Cents()
			}
		}
		narrowed = append(narrowed, narrow)
	}
	return narrowed
}

// groupedBy reports whether some part of the charge is grouped by all the keys asked for.
func (f *usageFilter) groupedBy(ch *billing.Charge) bool {
	by := func(p *billing.ChargeProperties) bool {
		for key := range f.groups {
			if !slices.Contains(p.PricingGroupKeys, key) {
				return false
			}
		}
		return true
	}
	return by(&ch.Properties) || slices.ContainsFunc(ch.Filters, func(c billing.ChargeFilter) bool { return by(&c.Properties) })
}

func (f *usageFilter) takesGroup(group map[string]*string) bool {
	for key, values := range f.groups {
		value, grouped := group[key]
		text := ""
		if value != nil {
			text = *value
		}
		if !grouped || !slices.Contains(values, text) {
			return false
		}
	}
	return true
}
