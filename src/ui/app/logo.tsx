/** One task, four endpoints, one of which has not answered. */
export function Logo() {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="7" fill="#20303f" />
      <g fill="#6fb1ea">
        <circle cx="10" cy="10" r="3.6" />
        <circle cx="22" cy="10" r="3.6" />
        <circle cx="10" cy="22" r="3.6" />
      </g>
      <circle cx="22" cy="22" r="3" fill="none" stroke="#f0a04b" stroke-width="1.8" stroke-dasharray="2.6 2.1" />
    </svg>
  );
}
