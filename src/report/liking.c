#include "report/liking.h"

enum { STEPS = 64, HALVINGS_MAX = 40 };

/* 2^31 x 2^(-i/64). */
static const uint32_t fraction[STEPS] = {
    2147483648u, 2124350982u, 2101467502u, 2078830522u, 2056437387u, 2034285470u, 2012372174u,
    1990694927u, 1969251188u, 1948038440u, 1927054196u, 1906295993u, 1885761398u, 1865448001u,
    1845353420u, 1825475297u, 1805811301u, 1786359126u, 1767116489u, 1748081133u, 1729250827u,
    1710623359u, 1692196547u, 1673968228u, 1655936265u, 1638098541u, 1620452965u, 1602997467u,
    1585730000u, 1568648537u, 1551751076u, 1535035634u, 1518500250u, 1502142985u, 1485961921u,
    1469955159u, 1454120821u, 1438457051u, 1422962010u, 1407633882u, 1392470869u, 1377471191u,
    1362633090u, 1347954824u, 1333434672u, 1319070932u, 1304861917u, 1290805962u, 1276901417u,
    1263146652u, 1249540052u, 1236080024u, 1222764986u, 1209593378u, 1196563654u, 1183674286u,
    1170923762u, 1158310587u, 1145833280u, 1133490379u, 1121280436u, 1109202018u, 1097253708u,
    1085434106u,
};

const struct kn_liking_signal kn_liking_signals[KN_LIKING_SIGNALS] = {
    {"Product Viewed", 1}, {"Product Added", 3}, {"Order Completed", 10}};

uint64_t kn_liking_points(uint32_t points, int64_t age_us, int64_t half_life_us)
{
    uint64_t age = age_us > 0 ? (uint64_t)age_us : 0;
    uint64_t half_life = (uint64_t)half_life_us;
    uint64_t halvings = age / half_life;
    uint64_t step = age % half_life / (half_life / STEPS);
    step = step < STEPS ? step : STEPS - 1;
    return halvings >= HALVINGS_MAX ? 0 : ((uint64_t)points * fraction[step]) >> halvings;
}

int64_t kn_liking_half_life_us(uint32_t days)
{
    return (int64_t)days * INT64_C(86400000000);
}

int64_t kn_liking_from_us(int64_t now_us, int64_t half_life_us)
{
    int64_t span;
    bool over = __builtin_mul_overflow(half_life_us, (int64_t)HALVINGS_MAX, &span);
    return over || now_us < INT64_MIN + span ? INT64_MIN : now_us - span;
}
