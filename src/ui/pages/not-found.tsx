import { PageHead } from "../parts/page";

export function NotFound() {
  return (
    <>
      <PageHead title="Nothing here" />
      <p>
        This address leads to no page. <a href="#/">Go to the overview</a>
      </p>
    </>
  );
}
