# Flags of everything that is ours.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(KN_SANITIZE "" CACHE STRING "sanitizers, e.g. address,undefined")
option(KN_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)

set(KN_WARNINGS -Wall -Wextra -Wconversion -Wvla -Wformat=2 -Wundef -Wcast-qual
    -Wpointer-arith -Wwrite-strings -Wimplicit-fallthrough -Wdouble-promotion -Wredundant-decls
    -Werror)
set(KN_WARNINGS_C -Wshadow -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes
    -Wold-style-definition)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND KN_WARNINGS_C -Wlogical-op -Wduplicated-cond -Wjump-misses-init)
endif()

add_library(kn_flags INTERFACE)
target_compile_definitions(kn_flags INTERFACE _GNU_SOURCE KERN_VERSION="${PROJECT_VERSION}")
target_compile_options(kn_flags INTERFACE ${KN_WARNINGS}
  $<$<COMPILE_LANGUAGE:C>:${KN_WARNINGS_C}>
  -fno-strict-aliasing -fno-common -fstack-protector-strong -g
  -ffile-prefix-map=${CMAKE_SOURCE_DIR}/=)
target_include_directories(kn_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(KN_SANITIZE)
  target_compile_options(kn_flags INTERFACE -fsanitize=${KN_SANITIZE} -fno-omit-frame-pointer
    -fno-sanitize-recover=all)
  target_link_options(kn_flags INTERFACE -fsanitize=${KN_SANITIZE})
else()
  target_compile_definitions(kn_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=2>)
  target_compile_options(kn_flags INTERFACE -fcf-protection)
  target_link_options(kn_flags INTERFACE -Wl,-z,relro -Wl,-z,now)
endif()
if(KN_FUZZ)
  target_compile_options(kn_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
