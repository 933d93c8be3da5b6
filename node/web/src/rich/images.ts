// Images on their way into a document: small enough to travel with it.

import { rich } from "../strings/rich";

export const sideMax = 1600;
export const bytesMax = 400 * 1024;

/** Kept as they are, where they are small: what all browsers show. */
const kept = ["image/png", "image/jpeg", "image/gif", "image/webp"];

export interface Size {
  width: number;
  height: number;
}

/** `size` made to fit `side`, in whole pixels. */
export function fit({ width, height }: Size, side: number): Size {
  const scale = Math.min(1, side / Math.max(width, height, 1));
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) };
}

/** What is tried in turn until one is small enough. Each is smaller than the one before. */
export function attempts(size: Size): (Size & { quality: number })[] {
  return [1, 1, 0.75, 0.5, 0.35].map((scale, i) => ({
    ...fit(size, sideMax * scale),
    quality: [0.86, 0.7, 0.7, 0.65, 0.6][i] as number,
  }));
}

const read = (blob: Blob): Promise<string> =>
  new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result as string);
    reader.onerror = () => reject(new Error(rich.imageUnreadable));
    reader.readAsDataURL(blob);
  });

function draw(image: ImageBitmap, { width, height, quality }: Size & { quality: number }): Promise<Blob | null> {
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  if (!context) return Promise.resolve(null);
  context.imageSmoothingQuality = "high";
  context.drawImage(image, 0, 0, width, height);
  // Where WebP cannot be written (Safari), browsers write PNG instead, which may be too large.
  return new Promise((resolve) => canvas.toBlob(resolve, "image/webp", quality));
}

/** An image file as a data: address. Throws an Error that can be shown. */
export async function toDataAddress(file: Blob): Promise<string> {
  const image = await createImageBitmap(file).catch(() => {
    throw new Error(rich.imageUnreadable);
  });
  try {
    const small = file.size <= bytesMax && Math.max(image.width, image.height) <= sideMax;
    if (small && kept.includes(file.type)) return await read(file);
    for (const attempt of attempts(image)) {
      const blob = await draw(image, attempt);
      if (blob && blob.size <= bytesMax) return await read(blob);
    }
  } finally {
    image.close();
  }
  throw new Error(rich.imageTooLarge);
}

export const imagesIn = (data: DataTransfer | null): File[] =>
  Array.from(data?.files ?? []).filter(({ type }) => type.startsWith("image/"));
