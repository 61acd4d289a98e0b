/** The look, in one place: docs/ui.md tells what each token is for. */
import { Badge, createTheme, Notification, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core';

const kern: MantineColorsTuple = ['#e8f5f1', '#d3e8e1', '#a6d1c4', '#75b8a5', '#4ea38b', '#35967b', '#1f7f67', '#0f6e58', '#0b5a48', '#06453a'];
const apricot: MantineColorsTuple = ['#fff3e8', '#fde4d0', '#f8c8a2', '#f3b886', '#ec9350', '#e57f35', '#cb6420', '#a84f15', '#8a3f0f', '#6d300a'];
// Dark enough for white on it, and as text on a card.
const brick: MantineColorsTuple = ['#fdecea', '#f9d4d0', '#f3b0aa', '#f0958c', '#ec8278', '#d9493d', '#c23126', '#a8261c', '#8c1f17', '#701812'];
const night: MantineColorsTuple = ['#e8eaea', '#c9cdcf', '#a3abad', '#7d8688', '#3d464b', '#2e353a', '#22282c', '#1c2125', '#171b1f', '#111518'];
const ink: MantineColorsTuple = ['#f5f5f2', '#e9e9e4', '#d3d4ce', '#b3b5b0', '#8b8f8d', '#676d6d', '#4b5254', '#343b3f', '#23292e', '#161b20'];

export const theme = createTheme({
  primaryColor: 'kern',
  primaryShade: { light: 7, dark: 6 },
  colors: { kern, apricot, red: brick, gray: ink, dark: night },
  fontFamily: '"Inter Variable", system-ui, sans-serif',
  headings: {
    fontFamily: '"Inter Variable", system-ui, sans-serif',
    fontWeight: '620',
    sizes: {
      h1: { fontSize: '1.625rem', lineHeight: '1.25' },
      h2: { fontSize: '1.0625rem', lineHeight: '1.4' },
      h3: { fontSize: '0.9375rem', lineHeight: '1.4' },
    },
  },
  fontSizes: { xs: '0.75rem', sm: '0.8438rem', md: '0.9375rem', lg: '1.0625rem', xl: '1.25rem' },
  defaultRadius: 'md',
  radius: { sm: '4px', md: '8px', lg: '12px' },
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  components: {
    // They go by themselves.
    Notification: Notification.extend({ defaultProps: { withCloseButton: false } }),
    Badge: Badge.extend({ defaultProps: { variant: 'light', radius: 'sm', tt: 'none', fw: 560 } }),
  },
});

/** Surfaces: a warm page with white cards; near-black with lifted cards in the dark. */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#faf9f6',
    '--kern-surface': '#ffffff',
    '--kern-line': '#e4e2db',
    '--kern-muted': '#5d6466',
    '--mantine-color-dimmed': '#5d6466',
    '--mantine-color-text': '#1c2327',
    '--mantine-color-error': '#b42318',
    '--mantine-color-red-text': '#b42318',
    '--mantine-color-red-light-color': '#a61e14',
    '--kern-series-1': '#0f6e58',
    '--kern-series-2': '#cb6420',
    '--kern-series-3': '#3b6fb6',
    '--kern-series-4': '#8a4fa3',
    '--kern-series-5': '#b0863a',
    '--kern-series-6': '#c2446a',
    '--kern-heat': '#0f6e58',
    '--kern-up': '#0f6e58',
    '--kern-down': '#a84f15',
  },
  dark: {
    '--mantine-color-body': '#14181b',
    '--kern-surface': '#1c2125',
    '--kern-line': '#2e353a',
    '--kern-muted': '#a3abad',
    '--mantine-color-dimmed': '#a3abad',
    '--mantine-color-text': '#e8eaea',
    '--mantine-color-error': '#ffaca3',
    '--mantine-color-red-text': '#ffaca3',
    '--mantine-color-red-light-color': '#ffb9b1',
    '--kern-series-1': '#4ea38b',
    '--kern-series-2': '#ec9350',
    '--kern-series-3': '#79a6e0',
    '--kern-series-4': '#c08ed6',
    '--kern-series-5': '#d9bb72',
    '--kern-series-6': '#ea86a5',
    '--kern-heat': '#35967b',
    '--kern-up': '#75b8a5',
    '--mantine-color-kern-light': 'rgba(53, 150, 123, 0.22)',
    '--mantine-color-kern-light-hover': 'rgba(53, 150, 123, 0.3)',
    '--mantine-color-kern-light-color': '#a6d1c4',
    '--mantine-color-gray-light': 'rgba(139, 143, 141, 0.2)',
    '--mantine-color-gray-light-color': '#d3d4ce',
    '--mantine-color-apricot-light': 'rgba(229, 127, 53, 0.18)',
    '--mantine-color-apricot-light-color': '#f8c8a2',
    '--kern-down': '#f3b886',
  },
});
