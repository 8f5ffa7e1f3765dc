package scenarios

import (
	"fmt"
	"strings"
	"time"
)

// moveGridName is the book of the grid of moves.
const moveGridName = "moves"

// moves are from where and to where customers move, and the hour in which they begin: the day is
// the same in both zones. (If it is not, the day of the start, and so the first period, is another after the move.)
var moves = []struct {
	from, to string
	hour     int
}{
	{"Asia/Tokyo", "America/New_York", 23},
	{"America/New_York", "Asia/Tokyo", 1},
	{"UTC", "Europe/Berlin", 1},
	{"Asia/Kathmandu", "UTC", 23},
	{"America/Los_Angeles", "Pacific/Auckland", 1},
	{"Pacific/Auckland", "America/Los_Angeles", 23},
}

// moveGridBook returns the grid of moves. A customer begins with a period, moves in its midst and
// stays for two more. Whatever it has is there all the time, so that each of the three
// periods costs the same, whichever hours the move takes from them or gives to them:
//
//	base fee 30.00, 10 seats × 3.00, 1 member × 5.00, minimum 7.00 of a charge that is not used,
//	fixed charges of 4.00 in arrears and of 6.00 in advance, all prorated; the commitment of
//	100.00 lacks 100 − 30 − 30 − 5 − 7 − 4 − 6 = 18.00.
func moveGridBook() []scenario {
	var all []scenario
	for _, interval := range []string{"weekly", "monthly", "quarterly"} {
		for _, billing := range []string{"calendar", "anniversary"} {
			for _, advance := range []bool{false, true} {
				for _, m := range moves {
					all = append(all, moveScenario(interval, billing, advance, m.from, m.to, m.hour))
				}
			}
		}
	}
	return all
}

func moveScenario(interval, billing string, advance bool, from, to string, hour int) scenario {
	start := time.Date(2024, 7, 1, hour, 0, 0, 0, mustZone(from)) // a Monday, and the first of a quarter
	step := map[string][3]int{"weekly": {0, 0, 7}, "monthly": {0, 1, 0}, "quarterly": {0, 3, 0}}[interval]
	paid := "arrears"
	if advance {
		paid = "advance"
	}
	s := scenario{
		name:  strings.Join([]string{interval, billing, paid, from, "to", to}, " "),
		rules: "period.zone_change period." + billing + "." + interval + " prorata.sum prorata.unique minimum.full fixed.prorated fixed.advance commitment.true_up",
		buys: fmt.Sprintf(`
			customer zone=%s
			plan %s 30.00 commitment=100.00 %s
			seats standard 3.00 prorated
			members standard 5.00 prorated
			calls standard 1.00 min=7.00
			fixed late standard 4.00 units=1 prorated
			fixed ahead standard 6.00 units=1 prorated advance`, from, interval, strings.TrimPrefix(paid, "arrears")),
	}
	boundaries := moveBoundaries(start, step, mustZone(to))
	s.happens = fmt.Sprintf(`
		%s subscribe %s
		2024-06-01 seats n=10
		2024-06-01 members n=a
		%s customer zone=%s
		%s clock`, start.UTC().Format(time.RFC3339), billing, start.AddDate(0, 0, 3).UTC().Format(time.RFC3339), to,
		boundaries[2].UTC().Format(time.RFC3339))
	s.bills = moveBills(start, boundaries, advance)
	return s
}

// moveBoundaries returns where the periods end: at midnights of the new zone.
func moveBoundaries(start time.Time, step [3]int, zone *time.Location) []time.Time {
	var all []time.Time
	for i := 1; i <= 3; i++ {
		all = append(all, time.Date(start.Year(), start.Month()+time.Month(i*step[1]), start.Day()+i*step[2], 0, 0, 0, 0, zone))
	}
	return all
}

func moveBills(start time.Time, boundaries []time.Time, advance bool) string {
	var text strings.Builder
	if advance {
		fmt.Fprintf(&text, "%s 3600\nbase 3000\nfixed:ahead 600\n", start.Format(time.DateOnly))
	} else {
		fmt.Fprintf(&text, "%s 600\nfixed:ahead 600\n", start.Format(time.DateOnly))
	}
	for _, boundary := range boundaries {
		fmt.Fprintf(&text, `%s 10000
			base 3000
			seats 3000 units=10
			members 500 units=1
			calls 0
			minimum:calls 700
			fixed:late 400
			fixed:ahead 600
			commitment 1800
			`, boundary.Format(time.DateOnly))
	}
	return text.String()
}

func mustZone(name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		panic("BUG: " + err.Error())
	}
	return zone
}
