from matbench.present.numbers import Numbers, csv_of, texts

SOME = Numbers(("kernel", "n", "time [s]"), (("a", 64, 0.000123456), ("=evil()", 1024, None), ("big", 2, 123456.7)))


def test_people_get_four_digits_and_a_dash_for_nothing():
    assert texts(SOME) == [["a", "64", "0.0001235"], ["=evil()", "1024", "–"], ["big", "2", "123,457"]]


def test_programs_get_all_digits_and_no_formula():
    assert csv_of(SOME).splitlines() == [
        "kernel,n,time [s]",
        "a,64,0.000123456",
        "'=evil(),1024,",
        "big,2,123456.7",
    ]


def test_control_characters_do_not_get_out():
    hostile = Numbers(("k",), (("a\x00\u202eb\nc",),))
    assert texts(hostile) == [["a\N{REPLACEMENT CHARACTER}\N{REPLACEMENT CHARACTER}b c"]]
    assert "\x00" not in csv_of(hostile)
