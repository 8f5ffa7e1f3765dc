package main

import (
	"math"
)

// randomness is a small generator (splitmix64: Steele, Lea and Flood, "Fast
// Splittable Pseudorandom Number Generators", 2014): the load must be cheap.
type randomness uint64

func (r *randomness) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// below scales 32 random bits to [0, n).
func below(bits uint32, n int) int { return int(uint64(bits) * uint64(n) >> 32) }

// popularity draws subscriptions by how popular they are, in constant time: Walker's
// alias method in Vose's form (1991). Number k is drawn in proportion to (k+1)^-exponent,
// as math/rand.Zipf has it with v = 1.
type popularity []slot

// slot is drawn by 32 bits; as many again below keep make it the slot's own number,
// else it is other's.
type slot struct {
	keep  uint32
	other uint32
}

// newPopularity makes the table of n numbers. An exponent of 0 makes all equal.
func newPopularity(n int, exponent float64) popularity {
	weights := make([]float64, n)
	sum := 0.0
	for k := range weights {
		weights[k] = math.Pow(float64(k+1), -exponent)
		sum += weights[k]
	}
	var small, large []int
	for k := range weights {
		weights[k] *= float64(n) / sum
		if weights[k] < 1 {
			small = append(small, k)
		} else {
			large = append(large, k)
		}
	}
	p := make(popularity, n)
	for len(small) > 0 && len(large) > 0 {
		under, over := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		p[under] = slot{uint32(min(weights[under]*(1<<32), math.MaxUint32)), uint32(over)}
		if weights[over] -= 1 - weights[under]; weights[over] < 1 {
			large = large[:len(large)-1]
			small = append(small, over)
		}
	}
	for _, k := range append(small, large...) { // 1 but for rounding
		p[k] = slot{math.MaxUint32, uint32(k)}
	}
	return p
}

func (p popularity) draw(bits uint64) int {
	k := below(uint32(bits), len(p))
	if s := p[k]; uint32(bits>>32) >= s.keep {
		return int(s.other)
	}
	return k
}
